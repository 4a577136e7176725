"""What tests of the transports share: the Supabase project that vouches for people."""

from tests.supabase.fixtures import supabase, supabase_server

__all__ = ["supabase", "supabase_server"]
