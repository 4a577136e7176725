"""What the Dockerfile does, without Docker: its build in a fresh environment, and its start with nothing else set."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import venv
from collections.abc import Generator
from pathlib import Path

import pytest

from coordination import __version__
from tests.acceptance.service import free_port, wait_until
from tests.unit.deploy.files import copied, environment_of, of, stages
from tests.unit.docs.page import ROOT

pytestmark = [pytest.mark.acceptance, pytest.mark.slow(reason="installs the service from its packages")]
INSTALLED = "/opt/coordination"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installation that the build leaves, made by the Dockerfile's own commands from what it copies."""
    folder = tmp_path_factory.mktemp("image")
    source, python = folder / "src", folder / "python"
    source.mkdir()
    for name in copied():
        found = ROOT / name
        if found.is_dir():
            shutil.copytree(found, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(found, source / name)
    venv.create(python, with_pip=True)
    environment = {"PATH": f"{python / 'bin'}:/usr/bin:/bin", "HOME": str(folder), **_of_pip()}
    for step in of(stages()[0], "RUN"):
        command = step.text.replace(INSTALLED, str(folder / "opt"))
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=source,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return folder / "opt"


def _of_pip() -> dict[str, str]:
    """Where this machine has its packages from."""
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_")}


@pytest.fixture
def environment(image: Path, dsn: str, tmp_path: Path) -> dict[str, str]:
    """All that a container would have: what the image sets, and a database."""
    told = environment_of(stages()[1])
    told["PATH"] = told["PATH"].replace(INSTALLED, str(image)).replace("$PATH", "/usr/bin:/bin")
    return {
        **told,
        "COORDINATION_DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": dsn,
        "PORT": str(free_port()),
    }


@pytest.fixture
def container(environment: dict[str, str], tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    """The image's command, as it would run."""
    command = of(stages()[1], "CMD")[0].words
    program = shutil.which(command[0], path=environment["PATH"])
    assert program is not None
    with (
        (tmp_path / "out").open("w") as out,
        subprocess.Popen(
            [program, *command[1:]], env=environment, cwd=tmp_path, stdout=out, stderr=out, text=True
        ) as running,
    ):
        try:
            yield running
        finally:
            running.kill()


def test_the_build_leaves_this_release_and_no_build_tool(image: Path) -> None:
    said = subprocess.run(
        [image / "bin" / "coord", "--version"], env={}, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == __version__
    assert list(image.rglob("hatchling")) == []
    assert list(image.rglob("tests/acceptance")) == []


def test_the_container_becomes_healthy_and_ends_when_it_is_told_to(
    container: subprocess.Popen[str], environment: dict[str, str], tmp_path: Path
) -> None:
    health = of(stages()[1], "HEALTHCHECK")[0].words
    program = shutil.which(health[0], path=environment["PATH"])
    assert program is not None

    def is_healthy() -> bool:
        assert container.poll() is None, (tmp_path / "out").read_text()
        looked = subprocess.run([program, *health[1:]], env=environment, capture_output=True, check=False)
        return looked.returncode == 0

    wait_until(is_healthy, 40, "the health check to pass")
    container.send_signal(getattr(signal, of(stages()[1], "STOPSIGNAL")[0].text))
    assert container.wait(20) == 0, (tmp_path / "out").read_text()
    assert not is_healthy_after(program, health, environment)


def is_healthy_after(program: str, health: list[str], environment: dict[str, str]) -> bool:
    """Whether the check still passes when nothing runs: then it would pass always."""
    looked = subprocess.run([program, *health[1:]], env=environment, capture_output=True, check=False)
    return looked.returncode == 0
