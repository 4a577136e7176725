"""The port: taken once, its holder named, and a free one proposed."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator

import pytest

from coordination.app import port
from coordination.app.port import PortUnavailable


@pytest.fixture
def taken() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_free_port_is_taken_once() -> None:
    with port.listen("127.0.0.1", 0) as listener:
        number = listener.getsockname()[1]
        assert number > 0
        assert not port.is_free("127.0.0.1", number)
        with pytest.raises(PortUnavailable, match="is taken by") as caught:
            port.listen("127.0.0.1", number)
    assert caught.value.taken
    assert port.is_free("127.0.0.1", number)


def test_whoever_has_the_port_is_named(taken: int) -> None:
    found = port.holder(taken)
    assert found is not None
    assert found.pid == os.getpid()
    with pytest.raises(
        PortUnavailable, match=f"Port {taken} of 127.0.0.1 is taken by .*process {os.getpid()}"
    ):
        port.listen("127.0.0.1", taken)


def test_nobody_has_a_free_port() -> None:
    with port.listen("127.0.0.1", 0) as listener:
        number = listener.getsockname()[1]
    assert port.holder(number) is None


def test_the_proposed_port_is_free_and_above(taken: int) -> None:
    found = port.free_port("127.0.0.1", taken - 1)
    assert found is not None
    assert found > taken
    assert port.is_free("127.0.0.1", found)


def test_above_the_last_port_there_is_none() -> None:
    assert port.free_port("127.0.0.1", 65535) is None


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(PortUnavailable, match="cannot be listened on") as caught:
        port.listen("192.0.2.1", 0)
    assert not caught.value.taken
