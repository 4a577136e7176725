"""The command `coord`: what people type, over the client and the composition root. It decides nothing.

The commands themselves are in `commands`. It is loaded when one of them runs, because Claude Code runs `coord
headers` at the start of every terminal and people wait for it: that one needs next to nothing.
"""

import sys
from collections.abc import Sequence
from typing import Final

HEADERS: Final = "headers"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code (see `output`)."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_headers(tokens[1:]) if _asks_for_headers(tokens) else run(tokens))


def run(tokens: Sequence[str]) -> int:
    """Run one command line, without the program's name, and return its exit code."""
    from coordination.cli import commands  # noqa: PLC0415 - half a second that `coord headers` need not wait for

    return commands.run(tokens)


def _asks_for_headers(tokens: Sequence[str]) -> bool:
    """Whether it is what Claude Code types: `headers`, at a hosted service with a key behind it."""
    return tokens[:1] == [HEADERS] and not any(token.startswith("-") for token in tokens) and len(tokens) < 3  # noqa: PLR2004 - and no more


def _headers(arguments: Sequence[str]) -> int:
    from coordination.cli import headers  # noqa: PLC0415 - the other commands import it with the rest

    return headers.headers(*arguments)
