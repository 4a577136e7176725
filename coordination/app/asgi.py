"""The service for an ASGI server that somebody else starts: `uvicorn coordination.app.asgi:app`.

For platforms whose start command is uvicorn on 0.0.0.0 and $PORT. It serves the hosted mode only, because who may
connect to a local one is checked where connections are made, and that is the server's here. `coord run` is better: it
bounds connections and request heads, too. With

    uvicorn coordination.app.asgi:app --host 0.0.0.0 --port $PORT --no-proxy-headers --no-access-log \
        --http coordination.transport.bounds:BoundedProtocol \
        --ws coordination.transport.web_socket_protocol:BoundedWebSocket

uvicorn does so as well. At the end uvicorn waits for running calls before it tells the application, and waiting claims
would keep it for their whole time; so its signal is heard here first, and they are told to retry at once.
"""

import signal
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from coordination.app import logs
from coordination.settings import VARIABLES, InvalidSetting, load
from coordination.settings.values import HOSTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


# Any: what a module has by the names that it lacks.
def __getattr__(name: str) -> Any:
    """Make the application when a server asks for it: an import alone reads no setting and starts nothing."""
    if name != "app":
        raise AttributeError(name)
    return _application()


def _application() -> "FastAPI":
    from coordination.app.application import create  # noqa: PLC0415 - it is large, and wrong settings come first

    try:
        settings = load()
    except InvalidSetting as error:
        raise SystemExit(str(error)) from None
    if not settings.is_hosted:
        raise SystemExit(
            f"An ASGI server serves the hosted mode only: set {VARIABLES['mode']}={HOSTED}. "
            "For the local mode: coord run"
        )
    logs.configure(form=settings.log_format, level=settings.log_level, file=settings.log_file)
    app = create(settings)
    logs.reclaim()
    life = app.router.lifespan_context

    @asynccontextmanager
    async def heard_first(application: "FastAPI") -> AsyncGenerator[Any]:
        _hear(app.state.core.stop_waiting)
        async with life(application) as state:
            yield state

    app.router.lifespan_context = heard_first
    return app


def _hear(on_stop: "Callable[[], None]") -> None:
    """Call `on_stop` before the server's own handler of the signals that end it; the server restores what was there."""
    if threading.current_thread() is not threading.main_thread():
        return  # signals come to the main thread alone
    for number in _SIGNALS:
        servers = signal.getsignal(number)

        def hear(number: int, frame: Any, servers: Any = servers) -> None:
            on_stop()
            if callable(servers):
                servers(number, frame)
            else:
                signal.default_int_handler(number, frame)

        signal.signal(number, hear)
