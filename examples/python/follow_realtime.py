"""Follow a session through Supabase's Realtime, as a person who is logged in: a line for each event that is broadcast.

    pip install supabase
    SUPABASE_URL=https://PROJECT.supabase.co SUPABASE_PUBLISHABLE_KEY=sb_publishable_… ACCESS_TOKEN=… \\
        python follow_realtime.py WORKSPACE SESSION

ACCESS_TOKEN is the person's, from Supabase Auth; only members of the workspace receive anything. A broadcast is a hint
and may be missing or come twice: `seq` says which event it is, and the service's log has them all
(GET /api/v1/sessions/SESSION/events).
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from supabase import acreate_client


async def follow(workspace: str, session: str) -> None:
    """Print what is broadcast until the connection cannot be had any more."""
    client = await acreate_client(os.environ["SUPABASE_URL"], os.environ["SUPABASE_PUBLISHABLE_KEY"])
    await client.realtime.set_auth(os.environ["ACCESS_TOKEN"])
    last = 0

    def show(message: Mapping[str, Any]) -> None:
        nonlocal last
        event = message["payload"]
        if event["seq"] > last:
            if last and event["seq"] > last + 1:
                print(f"(read the log from {last + 1}: something was not broadcast)", flush=True)
            last = event["seq"]
            print(event["seq"], event["kind"], event["agent"] or "", json.dumps(event["payload"]), flush=True)

    def told(state: object, error: Exception | None) -> None:
        print(f"({state}{f': {error}' if error else ''})", file=sys.stderr, flush=True)

    channel = client.channel(f"coordination:{workspace}:{session}", {"config": {"private": True}})
    await channel.on_broadcast("*", show).subscribe(told)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(follow(*sys.argv[1:3]))
    except KeyboardInterrupt:
        sys.exit(130)
