"""What a caller is told whose lease is none, or none any more: which, what is still its own, and what to do next."""

from typing import Final

from coordination.domain.errors import LeaseLost
from coordination.domain.file_lock import Lost
from coordination.domain.path import LockPath
from coordination.domain.text import call_on, shown

_NAMED: Final = 5
_DONE: Final = {"renew": "renewed", "release": "released"}


def lease_lost(outcome: Lost, paths: tuple[LockPath, ...] | None, action: str) -> LeaseLost:
    """Return the error for a renewal or release (`action`) of `paths` that named a lease which is not the caller's."""
    named = {path.key: path.path for path in paths or ()}
    gone = [named.get(key, key) for key in outcome.lost]
    lost = ", ".join(f'"{shown(path)}"' for path in gone[:_NAMED])
    more = f" and {len(outcome.lost) - _NAMED} more" if len(outcome.lost) > _NAMED else ""
    held = ", ".join(f'"{shown(path)}"' for path in outcome.held[:_NAMED])
    said = f"Not your lease, or not any more: {lost}{more}. Nothing was {_DONE[action]}."
    if outcome.held:
        advice = f" Still yours: {held}."
        next_call = call_on("claim_file_lock", "file_paths", outcome.held, action=action)
    elif action == "release":
        advice = " So there is nothing to give back."
        next_call = "check_agent_status()"
    else:
        advice = (
            " An expired lease never comes back; claim the path again and read the file before you write."
        )
        next_call = call_on("claim_file_lock", "file_paths", gone[:_NAMED])
    return LeaseLost(
        said + advice,
        next_call=next_call,
        details={"lost": gone, "held": list(outcome.held)},
    )
