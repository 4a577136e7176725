"""What tests of the client share: a server that answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from tests.unit.client.told import Server, Told


@pytest.fixture
def server() -> Iterator[Server]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Told) as listening:
        serving = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        one = Server(f"http://127.0.0.1:{listening.server_address[1]}/prefix/")
        with one.client:
            yield one
        listening.shutdown()
        serving.join()
