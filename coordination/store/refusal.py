"""What the database functions' refusals (SQLSTATE class CO) mean to the caller, in one table."""

import shlex
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from coordination.domain import errors
from coordination.domain.identity import role_of
from coordination.domain.text import call, shown

_TASKS_NAMED: Final = 3
_PLACE_LOOK_SECONDS: Final = 5
"""When to look whether a place became free: nobody knows when one does."""


def explain(code: str, details: dict[str, Any]) -> errors.CoordinationError:
    """Turn a refusal, by its SQLSTATE and JSON detail, into the error that the caller is shown."""
    return _MEANINGS[code](details)


def _checkout_taken(details: dict[str, Any]) -> errors.CoordinationError:
    session = details["session"]
    if details.pop("active"):
        why = f'This checkout belongs to session "{session}" at the moment; a checkout is in one session at a time.'
        way_out, next_call = (
            "have a person close that session",
            f"coord sessions close {shlex.quote(session)}",
        )
    else:
        why = f'Session "{session}" is closed, but locks of its agents in this checkout have not ended yet.'
        way_out, next_call = "wait, or have a person revoke them", f"coord locks {shlex.quote(session)}"
    return errors.CheckoutTaken(
        f"{why} Connect to that session, use another checkout (git worktree add), or {way_out}.",
        next_call=next_call,
        details=details,
    )


def _wait_cycle(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.WaitCycle(
        f"Waiting would block all of you for ever: {' waits for '.join(details['cycle'])}. You were not"
        " queued. Release the files that the one before you waits for, or finish other work first.",
        next_call="check_agent_status()",
        details=details,
    )


def _too_many_waits(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.TooManyWaits(
        f"You have {details['most']} places in the queue already, which is the most that one agent may have."
        " Nothing was claimed, and you were not queued. Do other work first, or leave a place: release its paths.",
        next_call="check_agent_status()",
        details={**details, "retry_after_seconds": _PLACE_LOOK_SECONDS},
    )


def _task_not_free(details: dict[str, Any]) -> errors.CoordinationError:
    if "waits_for" in details:
        return _task_waits({"task_id": details["waiting_task"], "waits_for": details["waits_for"]})
    return errors.TaskTaken(
        f'Task "{shown(details["task_id"])}" is taken by {details["agent_id"]} since {details["since"]}'
        f" ({details['status']}). Nothing was written. Take another task, or send that agent a message.",
        next_call="sync_progress()",
        details=details,
    )


def _task_waits(details: dict[str, Any]) -> errors.CoordinationError:
    others = details["waits_for"]
    named = ", ".join(
        f'"{shown(one["task_id"])}" ({", ".join(filter(None, (one["status"], one["agent_id"])))})'
        for one in others[:_TASKS_NAMED]
    )
    more = f" and {len(others) - _TASKS_NAMED} more" if len(others) > _TASKS_NAMED else ""
    stuck = any(one["status"] == "failed" for one in others)
    way_out = (
        "What failed has to be started again, or the planner plans anew."
        if stuck
        else "Take another task meanwhile; sync_progress says when this one can begin."
    )
    return errors.TaskWaits(
        f'Task "{shown(details["task_id"])}" waits for {named}{more}. Nothing was written. {way_out}',
        next_call="sync_progress()",
        details=details,
    )


def _unknown_recipient(details: dict[str, Any]) -> errors.CoordinationError:
    unknown = ", ".join(f'"{shown(name)}"' for name in details["unknown"][:5])
    return errors.UnknownItem(
        f"to: no agent {unknown} in this session. Nothing was written."
        f" Agents: {', '.join(details['known']) or 'none'}.",
        next_call="check_agent_status(include_inactive=true)",
        details=details,
    )


def _task_closed(details: dict[str, Any]) -> errors.CoordinationError:
    task = details["task_id"]
    if details["status"] == "replaced":
        return errors.InvalidInput(
            f'task_id: task "{shown(task)}" was replaced by a later plan. Nothing was written.'
            " sync_progress says what is yours now; work of your own needs an id of its own.",
            next_call="sync_progress()",
            details=details,
        )
    return errors.InvalidInput(
        f'status: task "{shown(task)}" is {details["status"]}. Only "started" opens it again. Nothing was written.',
        next_call=call("sync_progress", task_id=task, status="started"),
        details=details,
    )


def _tasks_begun(details: dict[str, Any]) -> errors.CoordinationError:
    begun = details["tasks"]
    named = ", ".join(f'"{shown(one["task_id"])}" ({one["status"]})' for one in begun[:_TASKS_NAMED])
    more = f" and {len(begun) - _TASKS_NAMED} more" if len(begun) > _TASKS_NAMED else ""
    return errors.InvalidInput(
        f"tasks: {named}{more} began with another description, or with none, and nobody would read this one."
        " Nothing was written. Give new work an id of its own, or repeat the words as they were.",
        next_call='analyze_task_conflicts(tasks=["…"])',
        details=details,
    )


def _role_taken(details: dict[str, Any]) -> errors.CoordinationError:
    holder, since = details["agent_id"], datetime.fromisoformat(details["last_heard_of"])
    named = role_of(holder.rpartition("/")[2]) == "planner"
    way_out = "close its terminal" if named else "have it given back"
    session = shlex.quote(details["session"])
    return errors.RoleTaken(
        f"{holder} is the planner of this session, last heard of at {since:%Y-%m-%dT%H:%M:%SZ}. Nothing was written."
        f" Plan there, or {way_out}: the role is free once nobody who has it was heard of for ten minutes.",
        next_call=f"coord status {session}"
        if named
        else f"coord plan {session} --give-back {shlex.quote(holder)}",
        details=details,
    )


def _name_taken(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.NameTaken(
        f"{details['agent_id']} is another terminal's agent, last heard of {details['seconds']} s ago. Nothing was"
        " written. Join under another name; this one is free when that agent left, or when it was not heard of for two"
        " minutes and holds no lease.",
        next_call=f"coord status {shlex.quote(details['session'])}",
        details=details,
    )


def _has_left(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.UnknownItem(
        f"{details['agent_id']} left the session while this call waited. Nothing was claimed. Whoever calls anew comes"
        " back.",
        next_call="check_agent_status()",
        details=details,
    )


def _overlap_across_checkouts(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.SettingRefused(
        f"{details['holder']} and {details['other']} hold overlapping leases in different checkouts"
        f' ("{shown(details["path"])}"), so blocking across checkouts cannot begin now.'
        " Have one of them released or revoked first.",
        next_call="coord locks",
        details=details,
    )


def _no_session(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.UnknownItem("There is no such session.", next_call="coord sessions", details=details)


def _refresh_over(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.RefreshOver(
        "This refresh of the file index is over: it was finished, or another one was begun. Nothing was written."
        " Begin a new one.",
        next_call="coord index",
        details=details,
    )


def _index_not_whole(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.InvalidInput(
        f"files: the index would have {details['files']} files, not {details['expected']}, and may have"
        f" {details['most']}. Nothing changed. Send what is missing, or begin a new refresh.",
        next_call="coord index",
        details=details,
    )


def _last_owner(details: dict[str, Any]) -> errors.CoordinationError:
    if details.pop("personal", False):
        return errors.LastOwner(
            f'This is the personal workspace of "{shown(details["user"])}", who stays its owner. Make another'
            " workspace for what is not.",
            next_call="coord workspace list",
            details=details,
        )
    return errors.LastOwner(
        f'"{shown(details["user"])}" is the only owner of this workspace, and it keeps one. Make another member an'
        " owner first.",
        next_call="coord workspace members",
        details=details,
    )


def _member_already(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.MemberExists(
        "You are a member of that workspace already, under another name. The invitation was not used up.",
        next_call="coord workspace list",
        details=details,
    )


def _no_standing(details: dict[str, Any]) -> errors.CoordinationError:
    return errors.Forbidden(
        "You may not do that any more: your role or your token was changed a moment ago. Nothing was written.",
        next_call="coord whoami",
        details=details,
    )


def _no_room(details: dict[str, Any]) -> errors.CoordinationError:
    way_out = {
        "tokens": "Each is kept for thirty days after its end. Make fewer that last longer.",
        "members": "Those who are invited count too. Remove somebody, or withdraw an invitation.",
        "workspaces": "Use one of them.",
    }
    what = details["what"]
    whose = "You own" if what == "workspaces" else "This workspace has"
    return errors.InvalidInput(
        f"{whose} {details['most']} {what}, which is the most. Nothing was written. {way_out[what]}",
        details=details,
    )


_MEANINGS: Final[dict[str, Callable[[dict[str, Any]], errors.CoordinationError]]] = {
    "CO001": _checkout_taken,
    "CO002": _wait_cycle,
    "CO003": _task_not_free,
    "CO004": _unknown_recipient,
    "CO005": _task_closed,
    "CO011": _tasks_begun,
    "CO012": _role_taken,
    "CO006": _overlap_across_checkouts,
    "CO007": _no_session,
    "CO008": _refresh_over,
    "CO009": _index_not_whole,
    "CO020": _too_many_waits,
    "CO017": _name_taken,
    "CO018": _has_left,
    "CO013": _last_owner,
    "CO014": _member_already,
    "CO015": _no_standing,
    "CO016": _no_room,
}
