"""Our launcher for an own Postgres server: find the binaries, start, share and stop it. It knows no table."""
