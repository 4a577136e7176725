"""What agents' programs send over HTTP to act, and what is answered: to be there, file locks, progress and news.

Every body says who acts and from where (`Acting`). Whoever may call may act for any agent of the user, as over MCP,
where the URL names it. Answers carry the values of the domain, all of them: programs read them, no model does.
"""

from dataclasses import fields
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from coordination.domain.agent import WhyLeft
from coordination.domain.checkout import (
    CHECKOUT_FORM,
    HOST_MAX,
    ROOT_MAX,
    TERMINAL_FORM,
    parse_checkout,
    parse_terminal,
)
from coordination.domain.cursor import SEQ_MAX
from coordination.domain.errors import InvalidInput
from coordination.domain.file_lock import Ahead, Conflict, Elsewhere, Granted, Held, Lease
from coordination.domain.path import MAX_PATHS
from coordination.domain.text import MAX_MESSAGE, MAX_REASON
from coordination.wire.rest import RECIPIENTS_MAX, AgentId, Body, LockedPath, Recipient
from coordination.wire.text import PlainText

TOKEN_MAX: Final = 2**63 - 1
TASK_ID_MAX: Final = 128
LONGEST_WAIT_SECONDS: Final = 45


def _checkout(text: str) -> str:
    try:
        parse_checkout(text)
    except InvalidInput:
        raise ValueError(f"must be {CHECKOUT_FORM}, or empty when it is not known") from None
    return _bare(text)


def _terminal(text: str) -> str:
    try:
        parse_terminal(text)
    except InvalidInput:
        raise ValueError(f"must be {TERMINAL_FORM}, or empty when it is not known") from None
    return _bare(text)


def _bare(text: str) -> str:
    if text != text.strip():
        raise ValueError("begins or ends with a space; send it without")
    return text


# What the functions above ask for, told to machines. Which paths are resolved, and can be printed, no pattern says.
_TREE: Final = {"type": "string", "maxLength": HOST_MAX + 1 + ROOT_MAX}
_PROGRAM: Final = {"type": "string", "pattern": r"^([0-9]{1,10}-[0-9]{1,20}(\.[0-9]{1,9})?)?$"}
CheckoutText = Annotated[str, AfterValidator(_checkout), WithJsonSchema(_TREE)]
TerminalText = Annotated[str, AfterValidator(_terminal), WithJsonSchema(_PROGRAM)]
Minutes = Annotated[int, Field(ge=1, le=60)]


class Acting(Body):
    """Who acts.

    Attributes:
        agent: its id, `user/name`.
        checkout: the working tree it works in, `{host}:{git top level}`; empty when it is not known, and then what it
            claims meets the claims of all working trees.
        terminal: the terminal it works in, `{pid}-{start time}`, or empty.
    """

    agent: AgentId
    checkout: CheckoutText = ""
    terminal: TerminalText = ""


class Joining(Acting):
    """Who joins.

    Attributes:
        only_if_free: refuse it as `name_taken` while another live terminal has the name. It needs `terminal`, by which
            the one that joined is told from the next one that asks.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"only_if_free": {"const": False}}},
                {"required": ["terminal"], "properties": {"terminal": {"minLength": 1}}},
            ]
        }
    )

    only_if_free: bool = False

    @model_validator(mode="after")
    def _says_where(self) -> "Joining":
        if self.only_if_free and not self.terminal:
            raise ValueError("only_if_free needs terminal too")
        return self


class Leaving(Acting):
    """Who leaves, and how.

    Attributes:
        why: `left` by itself, or `ended` with its process.
    """

    why: WhyLeft


class LockClaim(Acting):
    """What to claim, all of it or nothing.

    Attributes:
        wait_seconds: how long to wait for one's turn; 0 answers at once.
        reason: shown to whoever is refused meanwhile.
        task_id: the task that the work belongs to; empty means the one that the agent has started.
        literal: `*`, `?` and marks that nobody sees are characters of paths like any other.
    """

    paths: Annotated[list[LockedPath], Field(min_length=1, max_length=MAX_PATHS, fail_fast=True)]
    operation: Literal["read", "write", "delete"] = "write"
    duration_minutes: Minutes = 15
    wait_seconds: Annotated[int, Field(ge=0, le=LONGEST_WAIT_SECONDS)] = 0
    reason: Annotated[str, Field(max_length=MAX_REASON)] = ""
    task_id: Annotated[PlainText, Field(max_length=TASK_ID_MAX)] = ""
    literal: bool = False


class Grant(Body):
    """One exact grant: a path, every character of which stands for itself, and the fencing token that it came with."""

    path: LockedPath
    fencing_token: Annotated[int, Field(ge=1, le=TOKEN_MAX)]


Grants = Annotated[list[Grant], Field(min_length=1, max_length=MAX_PATHS, fail_fast=True)]


class Renewal(Acting):
    """Which leases to extend, all of them or none; they last `duration_minutes` from now, or as long as they did."""

    leases: Grants
    duration_minutes: Minutes = 15


class Release(Acting):
    """Which leases to give back, all of them or none."""

    leases: Grants


class Claimed(BaseModel):
    """What came of a claim. `granted`: the leases and what to know of them; `held`: who is in the way, nothing claimed.

    Attributes:
        leases: all that was claimed, with the tokens that renewals and releases name.
        granted_tokens: those of new grants; other leases the agent had, and they were extended.
        previous_holders: by path key, whose lease had expired: read before you write.
        warnings: leases in other checkouts, which one will meet at merge.
        conflicts: at most twenty leases in the way, `conflict_count` in all.
        ahead: at most ten waiters that come first.
        queue_position: 1 is next; without a place in the queue, the position that a waiter would get.
        ticket: the place in the queue, kept for two minutes; null without one.
        next_expiry_seconds: until the first lease in the way ends by itself; null when only waiters are in the way.
    """

    outcome: Literal["granted", "held"]
    leases: tuple[Lease, ...] = ()
    granted_tokens: tuple[int, ...] = ()
    previous_holders: dict[str, str] = Field(default_factory=dict[str, str])
    warnings: tuple[Elsewhere, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    conflict_count: int = 0
    ahead: tuple[Ahead, ...] = ()
    queue_position: int | None = None
    ticket: int | None = None
    next_expiry_seconds: float | None = None

    @classmethod
    def of(cls, outcome: Granted | Held) -> "Claimed":
        """Return how an outcome goes over the wire."""
        return cls(**{part.name: getattr(outcome, part.name) for part in fields(outcome)})

    def as_outcome(self) -> Granted | Held:
        """Return the outcome that came over the wire."""
        kind = Granted if self.outcome == "granted" else Held
        return kind(**{part.name: getattr(self, part.name) for part in fields(kind)})


class SyncReport(Acting):
    """What an agent reports; everything left out keeps its value, and nothing at all only asks for news.

    Attributes:
        task_id, status: both or neither; `started` takes the task, unless another agent that is there has it.
        message: a remark on the task, or with `to` a message to other agents.
        to: whom the message is for, by id or name.
    """

    task_id: Annotated[PlainText, Field(min_length=1, max_length=TASK_ID_MAX)] | None = None
    status: Literal["started", "in_progress", "completed", "failed", "blocked"] | None = None
    progress_percentage: Annotated[int, Field(ge=0, le=100)] | None = None
    message: Annotated[str, Field(max_length=MAX_MESSAGE)] | None = None
    affected_files: Annotated[list[LockedPath], Field(max_length=MAX_PATHS, fail_fast=True)] | None = None
    to: Annotated[list[Recipient], Field(min_length=1, max_length=RECIPIENTS_MAX, fail_fast=True)] | None = (
        None
    )


class NewsConfirmation(Acting):
    """That the news of a sync were taken note of: those up to its `cursor` are not told again."""

    cursor: Annotated[int, Field(ge=0, le=SEQ_MAX)]


class NewsConfirmed(BaseModel):
    """Up to which event the agent has its news now."""

    cursor: int


class Renewed(BaseModel):
    """The leases that were extended, with the tokens that they had."""

    renewed: tuple[Lease, ...]


class Released(BaseModel):
    """The leases that were given back."""

    released: tuple[Lease, ...]
