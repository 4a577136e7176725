"""Visibility: who sees which coordination tools. One pure predicate, asked for every list and every call.

Claude Code = the path says `claude`, and at least one of the header, clientInfo and the User-Agent says
Claude Code, and no signal that is present says otherwise. Everybody else (other clients, unknown clients, no
signal, contradicting signals, an API key) sees nothing and, over MCP, cannot learn that there is something to
see. A caller that is Claude Code then sees the tools of its role; without a session it has none.

The signals are names that a client gives itself. They keep the tools out of the sight of clients that cannot
use them; they are not what authenticates a caller.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from coordination.domain.identity import Role

CredentialKind = Literal["none", "local_token", "bearer", "person", "api_key"]
"""How a request authenticates: not at all, by our local token, by another bearer token, as a person, by X-Api-Key."""

ClientKind = Literal["claude_code", "cursor", "chorus", "chatgpt", "api", "default", "other"]
"""What is counted of a client: whether it is the one product that sees tools, else what the path calls it."""

IMPLEMENTER_TOOLS: Final = ("claim_file_lock", "sync_progress", "check_agent_status")
PLANNER_TOOLS: Final = ("analyze_task_conflicts", "create_task_distribution", *IMPLEMENTER_TOOLS)

PLANNER_PROMPTS: Final = ("plan_work",)
"""Prompts that are for planners alone; all others are for every caller that has tools."""

CLIENT_PATH: Final = "claude"
CLIENT_NAME: Final = "claude code"
CLIENT_NAME_SHORT: Final = "claude"
CLIENT_PRODUCT: Final = "claude-code"

# Names that stand for one product wherever they occur in a User-Agent product, and such that are ordinary
# words too and must be a whole word of it.
_OTHER_NAMES: Final = (
    *("chatgpt", "chorus", "codeium", "copilot", "cursor", "gemini", "jetbrains", "openai", "openhands"),
    *("opencode", "postman", "raycast", "visualstudiocode", "vscode", "windsurf", "librechat", "perplexity"),
    *(
        "claudeai",
        "claudebot",
        "claudedesktop",
        "claudeuser",
        "anythingllm",
        "lmstudio",
        "roocode",
        "kilocode",
    ),
)
_OTHER_WORDS: Final = frozenset(
    {
        "aider",
        "amp",
        "augment",
        "cline",
        "codex",
        "continue",
        "crush",
        "goose",
        "kiro",
        "qodo",
        "trae",
        "warp",
        "zed",
    }
)

USER_AGENT_MAX: Final = 512

_KINDS: Final[dict[str, ClientKind]] = {
    "cursor": "cursor",
    "chorus": "chorus",
    "chatgpt": "chatgpt",
    "api": "api",
    "default": "default",
}

_FOLDED: Final = re.compile(r"[-_ ]+")
_COMMENT: Final = re.compile(r"\([^()]*\)")
_WORDS: Final = re.compile(r"[^a-z0-9]+")

Verdict = Literal["for", "against", "silent"]


@dataclass(frozen=True, slots=True)
class Signals:
    """What one request says about the client that sent it.

    Attributes:
        path_client: the client segment of the URL.
        client_names: the values of all `x-client-name` headers, in order.
        client_info: `clientInfo.name`; None when the request carries no clientInfo, '' when it has no usable
            name.
        user_agents: the values of all `User-Agent` headers, in order.
        credential: how the request authenticates.
        may_write: whether the credential is for more than looking.
    """

    path_client: str
    client_names: tuple[str, ...] = ()
    client_info: str | None = None
    user_agents: tuple[str, ...] = ()
    credential: CredentialKind = "none"
    may_write: bool = True


@dataclass(frozen=True, slots=True)
class Visible:
    """The caller is Claude Code: it sees the tools of its role."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """The caller sees nothing.

    Attributes:
        why: the first rule that decided it, in plain words without anything the caller sent; for the log.
    """

    why: str


def decide(signals: Signals) -> Visible | Hidden:
    """Decide whether the sender of these signals may see coordination tools at all."""
    if signals.credential == "api_key":
        return Hidden("an API key is not for coordination tools")
    if not signals.may_write:
        return Hidden("the credential may only read")
    if signals.path_client != CLIENT_PATH:
        return Hidden("the path is another client's")
    verdicts = {
        "x-client-name": _headers_say(signals.client_names),
        "clientInfo": _name_says(signals.client_info),
        "User-Agent": _user_agents_say(signals.user_agents),
    }
    against = [name for name, verdict in verdicts.items() if verdict == "against"]
    if against:
        return Hidden(f"{against[0]} names another client or contradicts itself")
    if "for" not in verdicts.values():
        return Hidden("nothing but the path says Claude Code")
    return Visible()


def client_kind(verdict: Visible | Hidden, path_client: str) -> ClientKind:
    """Return the kind under which a client is counted; its own words are none."""
    if isinstance(verdict, Visible):
        return "claude_code"
    return _KINDS.get(path_client, "other")


def tools_for(verdict: Visible | Hidden, role: Role | None) -> tuple[str, ...]:
    """Return the names of the tools that a caller sees and may call, in the order in which they are listed.

    Args:
        verdict: what `decide` said of the caller.
        role: the caller's role in its session; None without a session.
    """
    if isinstance(verdict, Hidden) or role is None:
        return ()
    return PLANNER_TOOLS if role == "planner" else IMPLEMENTER_TOOLS


def _fold(name: str) -> str:
    """Fold case, `-`, `_` and spaces. Anything but ASCII stays, so look-alike letters never match."""
    return _FOLDED.sub(" ", name.strip(" \t").lower()) if name.isascii() else name


def _headers_say(values: Sequence[str]) -> Verdict:
    if not values:
        return "silent"
    folded = {_fold(value) for value in values}
    return "for" if folded in ({CLIENT_NAME}, {CLIENT_NAME_SHORT}) else "against"


def _name_says(name: str | None) -> Verdict:
    if name is None:
        return "silent"
    return "for" if _fold(name) == CLIENT_NAME else "against"


def _user_agents_say(values: Sequence[str]) -> Verdict:
    verdicts = {_user_agent_says(value) for value in values}
    if "against" in verdicts or len(set(values)) > 1:
        return "against"
    return "for" if "for" in verdicts else "silent"


def _user_agent_says(value: str) -> Verdict:
    """Read the products (RFC 9110 section 10.1.5); comments such as `(cli)` name no product and say nothing.

    A text longer than any real client's is not read: it speaks against.
    """
    if len(value) > USER_AGENT_MAX:
        return "against"
    products = [token.partition("/")[0].lower() for token in _uncommented(value).split()]
    if any(_is_other(product) for product in products):
        return "against"
    return "for" if products and products[0] == CLIENT_PRODUCT else "silent"


def _uncommented(value: str) -> str:
    previous = ""
    while previous != value:
        previous, value = value, _COMMENT.sub(" ", value)
    return value


def _is_other(product: str) -> bool:
    words = _WORDS.split(product)
    squashed = "".join(words)
    return any(name in squashed for name in _OTHER_NAMES) or not _OTHER_WORDS.isdisjoint(words)
