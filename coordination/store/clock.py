"""The database's clock, which decides when leases end. Only the doctor reads it apart from a decision."""

from datetime import datetime
from typing import Final

from coordination.store.database import Database

_NOW: Final = "SELECT clock_timestamp() AS now"


async def now(database: Database) -> datetime:
    """Return the database's time.

    Raises:
        RetryLater: the database cannot answer now.
    """
    rows = await database.fetch(_NOW)
    found: datetime = rows[0]["now"]
    return found
