# The service for teams: a database of its own, a port, no root. How to: docs/how-to/run-with-docker.md

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY coordination coordination
COPY migrations migrations
COPY .claude-plugin .claude-plugin
COPY clients clients
# The wheel is built with what is locked, and installed beside nothing else: no build tool reaches the image.
RUN pip install --constraint constraints.txt hatchling
RUN python -m hatchling build -t wheel
RUN python -m venv /opt/coordination
RUN /opt/coordination/bin/pip install --constraint constraints.txt dist/*.whl

FROM python:3.11.14-slim-bookworm
RUN groupadd --system --gid 10001 coordination \
    && useradd --system --uid 10001 --gid coordination --home-dir /var/lib/coordination --create-home coordination
COPY --from=build /opt/coordination /opt/coordination
ENV PATH=/opt/coordination/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    COORDINATION_MODE=hosted \
    COORDINATION_DATA_DIR=/var/lib/coordination \
    HOST=0.0.0.0 \
    PORT=8000
USER 10001:10001
WORKDIR /var/lib/coordination
EXPOSE 8000
STOPSIGNAL SIGTERM
# 200 as long as it lives, once it was connected: a restart mends no database.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}{os.environ.get(\"ROOT_PATH\", \"\")}/health', timeout=4)"]
CMD ["coord", "run"]
