"""What tests of the client share: a server that answers as it is told, and a Supabase project."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from tests.supabase.fixtures import supabase, supabase_server
from tests.unit.client.told import Server, Told

__all__ = ["server", "supabase", "supabase_server"]


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
