"""`python -m coordination.app` runs the service and nothing else: what `coord up` starts in the background.

It spares the command line, so that the service starts sooner and is smaller. What went wrong goes to standard error
in plain words, for `coord up` to show.
"""

import sys

from coordination.app.port import PortUnavailable
from coordination.app.server import serve
from coordination.app.workers import WorkersFailed
from coordination.embedded import PostgresUnavailable
from coordination.settings import InvalidSetting, load


def main() -> int:
    """Run the service until it is told to stop, and return the exit code."""
    try:
        serve(load(), on_ready=lambda _service, _ready: None)
    except (InvalidSetting, PortUnavailable, PostgresUnavailable, WorkersFailed, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
