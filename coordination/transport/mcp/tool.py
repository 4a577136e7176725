"""The base of every coordination tool: validate, identify the caller, call the use case, render the answer.

A tool says on its card what it is and implements `call`. Everything else happens here once: strict validation
with errors that name the field, the limit and what to send, and a next call that is the caller's own without what was
wrong with it, or else only looks; the mapping of errors to `isError` answers with a
stable code; and the promise that a failure nobody foresaw reaches the log and not the caller. Input is
hostile: what is repeated of it is short and escaped.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

import pydantic_core
import structlog
from fastmcp.server.dependencies import get_http_request
from fastmcp.tools import Tool, ToolResult
from mcp_types import TextContent, ToolAnnotations
from pydantic import BaseModel, ValidationError

from coordination.domain.errors import CoordinationError, InvalidInput, RetryLater
from coordination.domain.identity import Identity
from coordination.domain.text import shown
from coordination.transport.exchange import Exchange, exchange_of
from coordination.transport.mcp.errors import INTERNAL_CODE, as_text, internal_message, repeated, structured
from coordination.transport.mcp.identity import current_caller
from coordination.transport.mcp.schema import input_schema, output_schema
from coordination.transport.observation import observation_of

PROBLEMS_MAX: Final = 5
ADVICE_MAX: Final = 300
LOOK: Final = "check_agent_status()"
"""The next call where nobody can say which one was meant; it writes nothing."""

ArgumentsT = TypeVar("ArgumentsT", bound=BaseModel)

_log: Final = structlog.stdlib.get_logger(__name__)
_META: Final[dict[str, Any]] = {"anthropic/alwaysLoad": True}


@dataclass(frozen=True, slots=True)
class ToolCard(Generic[ArgumentsT]):
    """What a tool is, as a model meets it.

    Attributes:
        name: the tool's name.
        title: its name for people.
        description: when to call it and what comes back; part of every prompt, so short.
        arguments: the input model; it must forbid extra fields and be strict.
        answer: the model of the structured answer.
        subject: the fields that say what a call is about: where one is missing or wrong, nobody can say which call was
            meant.
        details: the fields that a call does the same without, but for a detail.
        read_only: the tool writes nothing but presence.
        destructive: the tool may take something away that others see.
        idempotent: calling it again with the same input changes nothing more.
    """

    name: str
    title: str
    description: str
    arguments: type[ArgumentsT]
    answer: type[BaseModel]
    subject: tuple[str, ...] = ()
    details: frozenset[str] = frozenset()
    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answers.

    Attributes:
        structured: an instance of the card's `answer` model; fields that are None are left out.
        text: the same in a few words to act on.
    """

    structured: BaseModel
    text: str


class CoordinationTool(Tool, Generic[ArgumentsT]):
    """A tool with a card. Subclasses set `card`, take what they need in `__init__` and implement `call`.

    ```python
    class Ping(CoordinationTool[PingArguments]):
        card = ToolCard(name="ping", ..., arguments=PingArguments, answer=PingAnswer)
        _service: PingService = PrivateAttr()

        def __init__(self, service: PingService) -> None:
            super().__init__()
            self._service = service
    ```
    """

    # Any, because the argument model differs from tool to tool and a class variable cannot be generic.
    card: ClassVar[ToolCard[Any]]

    def __init__(self) -> None:
        card = self.card
        config = card.arguments.model_config
        if config.get("extra") != "forbid" or not config.get("strict"):
            raise TypeError(f"{card.arguments.__name__} must forbid extra fields and be strict")
        super().__init__(
            name=card.name,
            title=card.title,
            description=card.description,
            parameters=input_schema(card.arguments),
            output_schema=output_schema(card.answer),
            annotations=ToolAnnotations(
                read_only_hint=card.read_only,
                destructive_hint=card.destructive,
                idempotent_hint=card.idempotent,
                open_world_hint=False,
            ),
        )

    def get_meta(self) -> dict[str, Any]:
        """Return the tool's `_meta`: loaded into the first prompt, and nothing of the framework's."""
        return dict(_META)

    @abstractmethod
    async def call(self, identity: Identity, arguments: ArgumentsT, exchange: Exchange) -> Answer:
        """Do what the tool is for.

        Args:
            identity: who calls; it has a session, an agent and a role.
            arguments: the validated input.
            exchange: the HTTP exchange, to see the client go away or to learn of the delivery.

        Raises:
            CoordinationError: what the caller is to be told.
        """

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Serve one call; every outcome but cancellation is an answer."""
        scope = get_http_request().scope
        exchange, observation = exchange_of(scope), observation_of(scope)
        observation.tool = self.name
        try:
            caller = current_caller()
            if caller is None:
                raise RuntimeError("a coordination tool was called without a caller")
            answer = await self.call(caller.identity, self._validated(arguments), exchange)
        except CoordinationError as error:
            observation.outcome = error.code
            next_call = error.next_call
            if isinstance(error, RetryLater):
                next_call = repeated(self.name, arguments) or next_call or "repeat the same call in a moment"
            return refusal(error.code, error.message, next_call or LOOK)
        except Exception:
            observation.outcome = INTERNAL_CODE
            _log.exception("tool_call_failed", tool=self.name, request_id=exchange.request_id)
            return refusal(INTERNAL_CODE, internal_message(exchange.request_id), LOOK)
        return ToolResult(
            content=[TextContent(type="text", text=answer.text)],
            structured_content=answer.structured.model_dump(mode="json", by_alias=True, exclude_none=True),
        )

    def _validated(self, arguments: dict[str, Any]) -> ArgumentsT:
        # Through JSON, because strict mode then knows what JSON can express (arrays for tuples, text for
        # enums).
        text = pydantic_core.to_json(arguments, inf_nan_mode="constants")
        try:
            return cast("ArgumentsT", self.card.arguments.model_validate_json(text))
        except ValidationError as error:
            raise self._invalid(error, arguments) from None

    def _invalid(self, error: ValidationError, arguments: dict[str, Any]) -> InvalidInput:
        problems = error.errors(include_url=False, include_context=False)
        told = "; ".join(self._explain(problem) for problem in problems[:PROBLEMS_MAX])
        more = len(problems) - PROBLEMS_MAX
        return InvalidInput(
            f"{told}; and {more} more." if more > 0 else f"{told}.",
            next_call=self._mended(
                arguments, {str(problem["loc"][0]) for problem in problems if problem["loc"]}
            ),
            details={"fields": [_field(problem["loc"]) for problem in problems[:PROBLEMS_MAX]]},
        )

    def _mended(self, arguments: dict[str, Any], wrong: set[str]) -> str:
        """Return the caller's call without its wrong fields, "" when that would not do what was asked."""
        known = self.card.arguments.model_fields.keys()
        kept = {name: value for name, value in arguments.items() if name not in wrong}
        if wrong & known - self.card.details or not all(kept.get(name) for name in self.card.subject):
            return ""
        try:
            self.card.arguments.model_validate_json(pydantic_core.to_json(kept, inf_nan_mode="constants"))
        except ValidationError:
            return ""
        return repeated(self.name, kept)

    def _explain(self, problem: pydantic_core.ErrorDetails) -> str:
        field = _field(problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = ", ".join(_known_fields(self.parameters, problem["loc"]))
            return f"{field}: there is no such field; the fields are {known}"
        advice = problem["msg"].removeprefix("Value error, ")
        advice = advice if len(advice) <= ADVICE_MAX else f"{advice[: ADVICE_MAX - 1]}…"
        if problem["type"] == "missing":
            return f"{field}: is required"
        return f"{field}: {advice}{_got(problem['input'])}"


def refusal(code: str, message: str, next_call: str) -> ToolResult:
    """Return the answer to a call that is refused."""
    return ToolResult(
        content=[TextContent(type="text", text=as_text(code, message, next_call))],
        structured_content=structured(code, message, next_call),
        is_error=True,
    )


def _field(location: Sequence[int | str]) -> str:
    return shown(".".join(str(step) for step in location)) or "arguments"


def _known_fields(schema: dict[str, Any], location: Sequence[int | str]) -> Iterator[str]:
    node: dict[str, Any] = schema
    for step in location[:-1]:
        inner: object = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        node = cast("dict[str, Any]", inner) if isinstance(inner, dict) else {}
    yield from node.get("properties", {})


def _got(value: object) -> str:
    """Repeat a short scalar; of anything else say only how large it is."""
    if isinstance(value, str):
        return f' (got "{shown(value)}")'
    if isinstance(value, list | dict):
        return f" (got {len(cast('list[object]', value))} entries)"
    return f" (got {shown(pydantic_core.to_json(value, inf_nan_mode='constants').decode())})"
