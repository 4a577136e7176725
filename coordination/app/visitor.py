"""Who visits the service to see what an agent would see, without being one: `coord doctor`.

Listing the tools normally makes an agent known in its session. The doctor's session is none, so its listings leave no
trace.
"""

from typing import Final

VISITOR: Final = "coord-doctor__session__coord-doctor__planner"
"""The virtual user id of the visitor."""
VISITOR_SESSION: Final = "coord-doctor"
