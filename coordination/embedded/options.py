"""The settings of the embedded Postgres: small, private and durable. They hold for every start, not for the
cluster.

They go on the command line instead of into ``postgresql.conf``, so that a new release brings its own and
root never writes into a folder that belongs to somebody else. What an administrator sets with ALTER SYSTEM
yields to them.
"""

from collections.abc import Mapping

PORT = 5432
"""Only a part of the socket's name; nothing listens on TCP."""

_OPTIONS: dict[str, str] = {
    # Private: one socket in a 0700 folder, no TCP.
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "cluster_name": "coordination",
    # Durable: what was acknowledged survives a crash (design, invariant 5).
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # Postgres' own restart after the crash of a backend waits for ever when its recovery is killed too; ours does not.
    "restart_after_crash": "off",
    # Small: service and Postgres together stay under 300 MB; few processes, no parallel plans.
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "max_logical_replication_workers": "0",
    "huge_pages": "off",
    "jit": "off",
    # systemd removes POSIX shared memory of a user who has logged out; files it leaves alone.
    "dynamic_shared_memory_type": "mmap",
    # No replicas and no archive: less to write.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "checkpoint_timeout": "10min",
    # Small, hot tables: look often, clean early.
    "autovacuum": "on",
    "autovacuum_max_workers": "1",
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_scale_factor": "0.1",
    "autovacuum_analyze_scale_factor": "0.1",
    # Same answers everywhere.
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Its log is our file; values of statements are nobody's business there.
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}


def options(
    *, major: int, max_connections: int, socket_folder: str, settings: Mapping[str, str]
) -> list[str]:
    """The command-line arguments for a postmaster of the given major version; `settings` replace ours."""
    quoted = socket_folder.replace('"', '""')
    chosen = {
        **_OPTIONS,
        "max_connections": str(max_connections),
        "unix_socket_directories": f'"{quoted}"',
    }
    if major >= 18:  # noqa: PLR2004 - asynchronous I/O came with 18; its extra workers are not worth their memory here
        chosen["io_method"] = "sync"
    chosen.update(settings)
    return [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
