"""Restarts and kills under load, judged by what clients were told: no acknowledged claim is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from coordination.cli.background import WORKER
from tests.acceptance.hosted.load import Load, judge
from tests.acceptance.hosted.nginx import Nginx
from tests.acceptance.hosted.service import Hosted, owner
from tests.acceptance.service import wait_until

pytestmark = pytest.mark.acceptance
CLIENTS = 6


async def test_a_rolling_restart_behind_nginx_loses_no_acknowledged_claim(dsn: str, tmp_path: Path) -> None:
    one, other = (
        Hosted(
            tmp_path,
            dsn,
            COORDINATION_TRUSTED_PROXIES="127.0.0.1",
            COORDINATION_PUBLIC_URL="https://127.0.0.1",
        )
        for _ in range(2)
    )
    with one, other, Nginx(_folder(tmp_path), "tls", one.port, other.port) as nginx:
        load = Load(nginx.url, owner(one.url), nginx.trust)
        with load.running(CLIENTS) as record:
            load.until(50)
            for service in (one, other, one, other):
                assert service.stop() == 0
                load.until(20)
                service.start()
                load.until(20)
    await judge(record, dsn)
    assert "emerg" not in nginx.log()


async def test_killed_workers_lose_no_acknowledged_claim(dsn: str, tmp_path: Path) -> None:
    with Hosted(tmp_path, dsn, COORDINATION_WORKERS="2") as service:
        load = Load(service.url, owner(service.url))
        with load.running(CLIENTS) as record:
            load.until(20)
            for _ in range(3):
                wait_until(lambda: len(_serving(service)) == 2, 30, "two workers")
                load.until(20)
                os.kill(_busiest(service), signal.SIGKILL)
                load.until(20)
        assert service.stop() == 0
    await judge(record, dsn)
    assert record.retried
    assert service.log().count('"worker_replaced"') == 3


async def test_a_restart_with_several_workers_under_load_loses_no_acknowledged_claim(
    dsn: str, tmp_path: Path
) -> None:
    with Hosted(tmp_path, dsn, COORDINATION_WORKERS="2") as service:
        load = Load(service.url, owner(service.url))
        with load.running(CLIENTS) as record:
            for _ in range(2):
                load.until(30)
                assert service.stop() == 0
                service.start()
            load.until(30)
    await judge(record, dsn)
    assert '"workers_killed_at_stop"' not in service.log()


def _folder(parent: Path) -> Path:
    folder = parent / "nginx"
    folder.mkdir()
    return folder


def _busiest(service: Hosted) -> int:
    """The worker that has most connections: the kernel need not divide them fairly."""
    return max(_serving(service), key=lambda pid: len(psutil.Process(pid).net_connections("tcp")))


def _serving(service: Hosted) -> set[int]:
    """The workers that have begun to serve: those with connections to the database."""
    children = psutil.Process(service.pid).children()
    workers = [child for child in children if WORKER in child.cmdline()]
    return {child.pid for child in workers if child.net_connections("unix")}
