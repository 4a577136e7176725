"""Who sees the tools: the whole matrix, as one table for the pure predicate and for the endpoint."""

from __future__ import annotations

from dataclasses import dataclass

from coordination.domain.visibility import CredentialKind, Signals

CLI_AGENT = "claude-code/2.1.330 (cli)"


@dataclass(frozen=True)
class Case:
    """One caller: what it says of itself, and whether it sees tools."""

    name: str
    visible: bool
    path: str = "claude"
    headers: tuple[str, ...] = ()
    info: str | None = None
    agents: tuple[str, ...] = ()
    credential: CredentialKind = "none"

    @property
    def signals(self) -> Signals:
        return Signals(self.path, self.headers, self.info, self.agents, self.credential)


SPELLINGS = (
    *(
        "claude code",
        "Claude Code",
        "CLAUDE CODE",
        "claude-code",
        "claude_code",
        "Claude-Code",
        "cLaUdE_cOdE",
    ),
    *("claude  code", "claude - code"),
)
LOOK_ALIKES = (
    "\u0441laude code",  # Cyrillic es
    "cl\u0430ude code",  # Cyrillic a
    "claude c\u03bfde",  # Greek omicron
    "\uff43laude code",  # full-width c
    "claude\u2010code",  # another hyphen
    "claude\u00a0code",  # no-break space
    "claude\u200bcode",  # zero-width space
    "c\u217caude code",  # Roman numeral fifty
)
NOT_SPELLINGS = (
    *(
        "",
        "claudecode",
        "claude.code",
        "claude/code",
        "claude code 2",
        "the claude code",
        "claude code, cursor",
    ),
    *("_claude code", "claude-", "code", "anthropic"),
)
OTHERS = (
    "cursor",
    "chorus",
    "chatgpt",
    "api",
    "default",
    "unknown",
    "windsurf",
    "vscode",
    "zed",
    "mcp-inspector",
)
OTHER_AGENTS = (
    *(
        "Cursor/1.7.2",
        "cursor/1.0 (darwin arm64)",
        "Chorus/0.14",
        "ChatGPT-User/1.0",
        "openai-mcp/1.0.0",
        "Zed/0.2",
    ),
    *("GitHubCopilotChat/0.22", "codex_cli_rs/0.40", "GeminiCLI/0.1 (linux)", "Windsurf/1.2", "cline/3.1"),
    *(
        "vscode/1.95",
        "continue-cli/1.0",
        "Claude-User/1.0",
        "claude-desktop/0.9",
        "goose/1",
        "claude-code/2 Cursor/1",
    ),
    "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Cursor/0.48 Chrome/132 Electron/34",
    "claude-code/2.1 " + "x" * 600,
)
SILENT_AGENTS = (
    "curl/8.5.0",
    "python-httpx/0.28",
    "node",
    "",
    "Bun/1.3",
    "claude-code-proxy/1",
    "node claude-code/2",
)
OWN_AGENTS = (
    *(
        CLI_AGENT,
        "claude-code/2.1.330 (sdk-cli)",
        "claude-code",
        "Claude-Code/2.1",
        "claude-code/2 (claude-vscode)",
    ),
    "claude-code/2.1 (external (cursor), cli) node/24",
)

_ONE_SIGNAL = (
    *(Case(f"header {name!r}", True, headers=(name,)) for name in (*SPELLINGS, "claude", "Claude")),
    *(Case(f"info {name!r}", True, info=name) for name in SPELLINGS),
    *(Case(f"agent {agent!r}", True, agents=(agent,)) for agent in OWN_AGENTS),
    *(Case(f"header {name!r}", False, headers=(name,)) for name in (*NOT_SPELLINGS, *LOOK_ALIKES, *OTHERS)),
    *(Case(f"info {name!r}", False, info=name) for name in ("claude", *NOT_SPELLINGS, *LOOK_ALIKES, *OTHERS)),
    *(Case(f"agent {agent[:40]!r}", False, agents=(agent,)) for agent in (*OTHER_AGENTS, *SILENT_AGENTS)),
    Case("no signal", False),
)
_ALL_SIGNALS = (
    Case("all say Claude Code", True, headers=("claude code",), info="claude-code", agents=(CLI_AGENT,)),
    Case("header and info", True, headers=("Claude Code",), info="claude-code"),
    *(
        Case(f"header beside {agent!r}", True, headers=("claude code",), agents=(agent,))
        for agent in SILENT_AGENTS
    ),
)
_CONFLICTS = (
    *(Case(f"header ours, info {name}", False, headers=("claude code",), info=name) for name in OTHERS),
    *(Case(f"agent ours, info {name}", False, agents=(CLI_AGENT,), info=name) for name in OTHERS),
    *(Case(f"info ours, header {name}", False, info="claude-code", headers=(name,)) for name in OTHERS),
    *(Case(f"agent ours, header {name}", False, agents=(CLI_AGENT,), headers=(name,)) for name in OTHERS),
    *(
        Case(f"header ours, agent {name[:40]}", False, headers=("claude code",), agents=(name,))
        for name in OTHER_AGENTS
    ),
    *(
        Case(f"info ours, agent {name[:40]}", False, info="claude-code", agents=(name,))
        for name in OTHER_AGENTS
    ),
    Case("header claude, info claude", False, headers=("claude",), info="claude"),
    Case("info without a name", False, headers=("claude code",), info=""),
    Case("header ours, header cursor", False, headers=("claude code", "cursor")),
    Case("header cursor, header ours", False, headers=("cursor", "claude code")),
    Case("two accepted headers that differ", False, headers=("claude", "claude code")),
    Case("the same header twice", True, headers=("claude code", "claude code")),
    Case("the same header in two spellings", True, headers=("claude code", "Claude-Code")),
    Case("two agents that differ", False, agents=(CLI_AGENT, "curl/8.5.0")),
    Case("the same agent twice", True, agents=(CLI_AGENT, CLI_AGENT)),
)
_FOREIGN_PATHS = tuple(
    Case(f"all say Claude Code, path {path!r}", False, path, ("claude code",), "claude-code", (CLI_AGENT,))
    for path in (*OTHERS, "Claude", "CLAUDE", "claude-code", "claude code", "claude ", "\u0441laude", "v2")
)
_OTHER_CLIENTS = tuple(
    Case(f"{name} as itself", False, name, (name,), name, (f"{name}/1.0",)) for name in OTHERS
)
_CREDENTIALS = (
    Case(
        "an API key",
        False,
        headers=("claude code",),
        info="claude-code",
        agents=(CLI_AGENT,),
        credential="api_key",
    ),
    Case("a bearer token", True, headers=("claude code",), credential="bearer"),
)

CASES = (
    *_ONE_SIGNAL,
    *_ALL_SIGNALS,
    *_CONFLICTS,
    *_FOREIGN_PATHS,
    *_OTHER_CLIENTS,
    *_CREDENTIALS,
)
