"""What goes over the wire beside MCP: the bodies that the HTTP API takes and the pages that it answers.

Bodies are strict and closed: an unknown field or a value of another type is refused, never guessed at. Answers
carry the values of the domain as they are. Texts that agents wrote stay untrusted in them; whoever shows them
escapes them. Nothing here decides.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from coordination.domain.errors import InvalidInput
from coordination.domain.event import Event
from coordination.domain.file_lock import Lease
from coordination.domain.path import MAX_PATH_BYTES, MAX_PATHS
from coordination.domain.plan.handed_out import PlanSummary
from coordination.domain.session import AgentSummary, SessionSummary
from coordination.domain.task import Message, Task
from coordination.domain.text import MAX_MESSAGE
from coordination.domain.virtual_user import PART_MAX, parse_virtual_user

RECIPIENTS_MAX: Final = 100
NOBODY: Final = "person"
"""Who a change is recorded under when the caller does not say."""

NAME_RULE: Final = (
    f"must be 1 to {PART_MAX} characters of A-Z a-z 0-9 . _ - @ +, with no `__` inside "
    "and no `_` at either end"
)


def _person(text: str) -> str:
    if not is_name(text):
        raise ValueError(NAME_RULE)
    return text


def _agent_id(text: str) -> str:
    parts = text.split("/")
    if len(parts) != len(("user", "name")) or not all(is_name(part) for part in parts):
        raise ValueError("must be an agent's id, user/name, such as alice/impl_a")
    return text


def _recipient(text: str) -> str:
    if not all(is_name(part) for part in text.split("/", 1)):
        raise ValueError("must be an agent's id, user/name, or its name")
    return text


def is_name(text: str) -> bool:
    """Return whether a text may name a user, a session or an agent."""
    try:
        return parse_virtual_user(text).session is None
    except InvalidInput:
        return False


# What the functions above ask for, told to machines: in schemas alone, because a pattern cannot say what is wrong.
_PART: Final = r"[A-Za-z0-9.@+\-]+(_[A-Za-z0-9.@+\-]+)*"


def _told(pattern: str, most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": f"^{pattern}$"}


NAMED: Final = _told(_PART, PART_MAX)
_BOTH_SHORT: Final = f"(?=[^/]{{1,{PART_MAX}}}/[^/]{{1,{PART_MAX}}}$)"
# The pattern bounds the length too: said once more, those who make examples of it try lengths that cannot be.
_WITH_USER: Final = {"type": "string", "pattern": f"^{_BOTH_SHORT}{_PART}/{_PART}$"}

LockedPath = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_PATH_BYTES})]
"""A path as it comes; the domain says what is wrong with it."""
Person = Annotated[str, AfterValidator(_person), WithJsonSchema(NAMED)]
AgentId = Annotated[str, AfterValidator(_agent_id), WithJsonSchema(_WITH_USER)]
Recipient = Annotated[str, AfterValidator(_recipient), WithJsonSchema({"anyOf": [NAMED, _WITH_USER]})]


def _given(name: str, kind: str, **others: dict[str, Any]) -> dict[str, Any]:
    """Tell, in a schema, that a field is there with a value, and what others may be then."""
    return {"required": [name], "properties": {name: {"type": kind}, **others}}


_SOME: Final = {"everything": {"const": False}}
_ALL: Final = {"everything": {"const": True}, "paths": {"type": "null"}, "agent": {"type": "null"}}


class Body(BaseModel):
    """Base of what is sent: strict, closed and unchanging."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SessionChange(Body):
    """What to change in a session; a field left out keeps its value, and one must be there.

    Attributes:
        status: `closed` ends it until somebody joins again, `active` opens it.
        across_checkouts: what a lease in one checkout means for claims in another.
        by: the person who changes it.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [_given("status", "string"), _given("across_checkouts", "string")]}
    )

    status: Literal["active", "closed"] | None = None
    across_checkouts: Literal["warn", "block"] | None = None
    by: Person = NOBODY

    @model_validator(mode="after")
    def _changes_something(self) -> "SessionChange":
        if self.status is None and self.across_checkouts is None:
            raise ValueError("send status, across_checkouts, or both")
        return self


class Revocation(Body):
    """Which leases to take from their holders: by path, by holder, by both, or all of the session.

    Attributes:
        paths: exactly these paths, relative to the repository.
        agent: only leases of this agent, `user/name`.
        everything: all leases of the session; needed when neither of the others is given.
        by: the person who takes them.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                _given("everything", "boolean", **_ALL),
                _given("paths", "array", **_SOME),
                _given("agent", "string", **_SOME),
            ]
        }
    )

    paths: Annotated[list[LockedPath], Field(min_length=1, max_length=MAX_PATHS, fail_fast=True)] | None = (
        None
    )
    agent: AgentId | None = None
    everything: bool = False
    by: Person = NOBODY

    @model_validator(mode="after")
    def _names_something(self) -> "Revocation":
        if self.everything == (self.paths is not None or self.agent is not None):
            raise ValueError(
                "send paths, agent or both; or everything: true alone, for all leases of the session"
            )
        return self


class PersonMessage(Body):
    """A message from a person; `to` left out means every agent of the session."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE)]
    to: Annotated[list[Recipient], Field(min_length=1, max_length=RECIPIENTS_MAX, fail_fast=True)] | None = (
        None
    )
    sender: Person


class Problem(BaseModel):
    """Why something was refused (RFC 9457).

    Attributes:
        type: names the kind of error; `code` says the same.
        title: the status in words.
        status: the HTTP status.
        detail: what was wrong and what to send.
        code: the stable code of the error, such as `invalid_input`.
        next_call: one literal thing to do next; left out when there is none.
        details: of `lease_lost` alone: the paths that are not the caller's (`lost`) and those that still are (`held`).
    """

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    code: str
    next_call: str | None = None
    details: dict[str, list[str]] | None = None


class SessionPage(BaseModel):
    """Sessions by id; `next_cursor` is the `after` of the next page, None on the last one."""

    sessions: list[SessionSummary]
    next_cursor: str | None = None


class SessionSettings(BaseModel):
    """A session's settings after a change."""

    session: str
    status: str
    across_checkouts: Literal["warn", "block"]


class AgentPage(BaseModel):
    """Agents by id; `next_cursor` is the `after` of the next page, None on the last one."""

    agents: list[AgentSummary]
    next_cursor: str | None = None


class LockPage(BaseModel):
    """Live leases by path; `next_cursor` is the `after` of the next page, None on the last one."""

    locks: list[Lease]
    next_cursor: str | None = None


class Revoked(BaseModel):
    """The leases that were taken from their holders; none when nothing matched."""

    revoked: list[Lease]


class Sent(BaseModel):
    """The ids of the agents that a message went to."""

    sent_to: list[str]


class TaskPage(BaseModel):
    """Tasks by id; `next_cursor` is the `after` of the next page, None on the last one."""

    tasks: list[Task]
    next_cursor: str | None = None


class PlanPage(BaseModel):
    """Plans by revision; `next_cursor` is the `after` of the next page, None on the last one."""

    plans: list[PlanSummary]
    next_cursor: int | None = None


class MessagePage(BaseModel):
    """Messages in order; `next_cursor` is the `after` of the next page, None on the last one.

    `removed_up_to` is the number of the last event that was removed after its time, if you have not come so far:
    messages among those that you have not had are gone; null when there are none.
    """

    messages: list[Message]
    next_cursor: int | None = None
    removed_up_to: int | None = None


class EventPage(BaseModel):
    """Events in order, without gaps; `next_after` is the `after` of the next question.

    `removed_up_to` is the number of the last event before them that you have not had, because it was removed after its
    time; null when they follow what you have.
    """

    events: list[Event]
    next_after: int
    removed_up_to: int | None = None
