"""Every error that a user, an agent or an operator can meet, as one tree.

    CoordinationError
    ├── InvalidInput        invalid_input    a field is wrong; nothing was written
    ├── UnknownItem         not_found        no such session, agent, lock or task in this workspace
    ├── LeaseLost           lease_lost       the named lease is not the caller's live grant (any more)
    ├── WaitCycle           wait_cycle       waiting would close a circle of agents that wait for each other
    ├── TaskTaken           task_taken       another live agent has the task
    ├── TaskWaits           task_waits       the task cannot begin before others are completed
    ├── NameTaken           name_taken       another live terminal uses the agent's name
    ├── RoleTaken           role_taken       another agent that is there has the role
    ├── RoleNeeded          role_needed      only another role may do that
    ├── Forbidden           forbidden        the credential does not allow it
    ├── MemberExists        member_exists      a member or an invitation has that name already
    ├── LastOwner           last_owner       a workspace keeps at least one owner
    ├── CheckoutTaken       checkout_taken   the checkout belongs to another session
    ├── SettingRefused      setting_refused  the session's locks contradict the wanted setting
    ├── RefreshOver         refresh_over     the refresh of a file index was finished, or another one was begun
    ├── TooManyWaits        too_many_waits   the agent has as many places in the queue as it may have
    ├── RateLimited         rate_limited     the caller asks too often
    └── RetryLater          retry_later      the service cannot answer now; nothing was lost

Contention ("somebody else holds it") is an outcome, not an error, and is not here. Each error says what was
wrong, what the limit is, and names one literal next call. Codes are part of the wire contract and never change.
"""

from typing import ClassVar


class CoordinationError(Exception):
    """Base of all errors that may be shown to a caller.

    Attributes:
        code: stable identifier of the kind of error.
        message: what was wrong and what the limit is, in plain words; safe to show.
        next_call: one literal thing to do next, such as ``sync_progress()``.
        details: JSON-ready facts behind the message (field names, paths, agents).
    """

    code: ClassVar[str] = "coordination_error"

    def __init__(
        self, message: str, *, next_call: str = "", details: dict[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.next_call = next_call
        self.details: dict[str, object] = details or {}


class InvalidInput(CoordinationError):
    """A field of the input is wrong; the message names it and says what to send. Nothing was written."""

    code = "invalid_input"


class UnknownItem(CoordinationError):
    """Nothing of that name exists in the caller's workspace."""

    code = "not_found"


class LeaseLost(CoordinationError):
    """Renew, release or re-claim named a lease that is not the caller's live grant. Nothing was changed."""

    code = "lease_lost"


class WaitCycle(CoordinationError):
    """Waiting would close a circle of agents that wait for each other, so the wait was refused."""

    code = "wait_cycle"


class TaskTaken(CoordinationError):
    """Another live agent has the task. Nothing was written."""

    code = "task_taken"


class TaskWaits(CoordinationError):
    """The task waits for tasks that are not completed. Nothing was written."""

    code = "task_waits"


class NameTaken(CoordinationError):
    """Another live terminal uses the agent's name. Nothing was written."""

    code = "name_taken"


class RoleTaken(CoordinationError):
    """Another agent that is there has the role of the planner. Nothing was written."""

    code = "role_taken"


class RoleNeeded(CoordinationError):
    """What was asked is for agents of another role. Nothing was written."""

    code = "role_needed"


class Forbidden(CoordinationError):
    """The caller's credential is known and does not allow what was asked. Nothing was written."""

    code = "forbidden"


class MemberExists(CoordinationError):
    """A member of the workspace, or somebody who is invited to it, has that name already. Nothing was written."""

    code = "member_exists"


class LastOwner(CoordinationError):
    """The workspace would be left without an owner. Nothing was written."""

    code = "last_owner"


class CheckoutTaken(CoordinationError):
    """The checkout belongs to another session at the moment."""

    code = "checkout_taken"


class SettingRefused(CoordinationError):
    """The session's present locks contradict the wanted setting."""

    code = "setting_refused"


class RefreshOver(CoordinationError):
    """The refresh of a file index takes no more: it was finished, or another one was begun. Nothing was written."""

    code = "refresh_over"


class TooManyWaits(CoordinationError):
    """The agent has as many places in the queue of its session as one may have. Nothing was claimed."""

    code = "too_many_waits"


class RateLimited(CoordinationError):
    """The caller asks too often. Nothing was done; `details` say in how many seconds it may go on."""

    code = "rate_limited"


class RetryLater(CoordinationError):
    """The store cannot answer now. Nothing was acknowledged, so nothing is lost; the same call may be repeated."""

    code = "retry_later"
