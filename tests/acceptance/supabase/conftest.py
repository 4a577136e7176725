"""Projects that look like Supabase's, on every version of Postgres that is supported, and the programs around them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from tests.acceptance.supabase import programs
from tests.acceptance.supabase.cluster import MAJORS, Cluster, started
from tests.acceptance.supabase.command_line import CommandLine

_T = TypeVar("_T")


def here(install: Callable[[], _T]) -> _T:
    """Return what `install` brings; where it cannot be had, skip, or fail where everything has to be there."""
    try:
        return install()
    except programs.Missing as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def clusters() -> Generator[Callable[[int], Cluster]]:
    """The running server of a major version, started on first use."""
    running: dict[int, Cluster] = {}
    with ExitStack() as stack:

        def cluster(major: int) -> Cluster:
            if major not in running:
                running[major] = here(lambda: stack.enter_context(started(major)))
            return running[major]

        yield cluster


@pytest.fixture(params=MAJORS, ids=lambda major: f"pg{major}")
def cluster(request: pytest.FixtureRequest, clusters: Callable[[int], Cluster]) -> Cluster:
    """The server, one version after the other."""
    major: int = request.param
    return clusters(major)


@pytest.fixture
def project(cluster: Cluster) -> Generator[str]:
    """The URL of a new project's database, in which nothing of ours is, for the role `postgres`."""
    with cluster.database() as dsn:
        yield dsn


@pytest.fixture
def migrated(cluster: Cluster) -> Generator[str]:
    """The URL of a project's database at our newest revision, for the role `postgres`."""
    with cluster.database(migrated=True) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def supabase() -> Path:
    """The program of the Supabase CLI."""
    return here(programs.supabase)


@pytest.fixture
def command_line(supabase: Path, tmp_path: Path) -> CommandLine:
    """The Supabase CLI in a copy of our folder for it."""
    return CommandLine(supabase, tmp_path)


@pytest.fixture(scope="session")
def postgrest() -> Path:
    """The program of PostgREST."""
    return here(programs.postgrest)
