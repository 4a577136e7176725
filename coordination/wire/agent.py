"""What `check_agent_status` takes and answers, as JSON."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from coordination.wire.text import AnswerPart, PlainText, UntrustedText


class CheckAgentStatusArguments(BaseModel):
    """Input of check_agent_status."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_inactive: bool = False
    agent: Annotated[PlainText, Field(max_length=130, description="Only this one.")] = ""
    cursor: Annotated[PlainText, Field(max_length=130, description="Last next_cursor.")] = ""


class AgentAnswer(AnswerPart):
    """One agent; `presence` is one of `Presence`. `locks` and `waiting_for` are shortened, `lock_count` is not."""

    agent: str
    presence: str
    role: str
    quiet_seconds: int
    task_id: str | None = None
    status: str | None = None
    progress: int | None = None
    message: UntrustedText | None = None
    locks: list[str] | None = None
    lock_count: int | None = None
    waiting_for: list[str] | None = None
    checkout: str | None = None
    you: bool | None = None


class CheckAgentStatusAnswer(AnswerPart):
    """Output of check_agent_status."""

    session: str | None = None
    agents: list[AgentAnswer] | None = None
    conflicts: list[str] | None = None
    totals: dict[str, Any] | None = None
    next_cursor: str | None = None
    warnings: list[str] | None = None
    next_call: str | None = None
