"""The project of the tests, for a `conftest.py` to import: started once for a folder, new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.supabase.project import SupabaseProject


@pytest.fixture(scope="package")
def supabase_server() -> Iterator[SupabaseProject]:
    with SupabaseProject() as running:
        yield running


@pytest.fixture
def supabase(supabase_server: SupabaseProject) -> SupabaseProject:
    """A Supabase project on loopback in which nothing has happened yet."""
    supabase_server.begin_anew()
    return supabase_server
