"""The real service, in which a minute of a lease lasts two seconds.

A lease lasts a minute at least, and a run cannot wait for that. So the unit is shortened here, where the tool turns
minutes into seconds; the clock, the database and everything else are as users have them.
"""

from coordination.cli import main
from coordination.transport.mcp.tools import claim_file_lock

MINUTE_SECONDS = 2

if __name__ == "__main__":
    claim_file_lock.MINUTE_SECONDS = MINUTE_SECONDS
    main()
