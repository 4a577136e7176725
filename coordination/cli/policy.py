"""`coord policy`: what becomes of edits when nobody can say whether somebody else is editing the file.

The policy is one text file of the person, lines `PATTERN warn` or `PATTERN block`, of which the last that fits
counts. Without a file it is `warn` for everything. It is read where it is needed: by the hook program, when the
daemon does not answer, and by the daemon, when the service does not. Here it is shown and changed; comments in it
stay.
"""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from coordination.cli import target
from coordination.cli.output import FOUND, OK, USAGE, Failure, Json, emit, say
from coordination.cli.place import coord
from coordination.client import private_file
from coordination.daemon.person_policy import PersonPolicy
from coordination.domain import policy as rules
from coordination.domain.text import legible

FILE_NAME: Final = "policy"
EVERYTHING: Final = "*"
PATTERN_MAX: Final = 1024
_EXAMPLES: Final = """Examples:

    coord policy
    coord policy set '*' block
    coord policy set 'migrations/' block
    coord policy remove 'migrations/'
"""

Word = Literal["warn", "block"]
Pattern = Annotated[
    str, Parameter(help="Paths, with `*` and `?`, such as `*.sql`, `migrations/` or `~/work/*`.")
]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file; `pattern` and `word` are "" of one that is no rule."""

    text: str
    pattern: str = ""
    word: str = ""


def register(app: App) -> None:
    """Add the command and what it has below."""
    policy = App(
        name="policy",
        help="Show or set what becomes of edits that nobody can protect.",
        help_epilogue=_EXAMPLES,
    )
    policy.command(set_, name="set")
    policy.command(remove)
    policy.default(show)
    app.command(policy)


def path() -> Path:
    """Return where the policy is, or would be."""
    return target.folder() / FILE_NAME


def show(*, json: Json = False) -> int:
    """Show your policy. Exits with 5 when something in it cannot be understood: then every such edit is refused."""
    lines = _read()
    wrong = _wrong()
    found = [{"pattern": line.pattern, "policy": line.word} for line in lines if line.pattern]
    if json:
        emit({"file": path(), "exists": path().exists(), "rules": found, "problems": wrong})
        return FOUND if wrong else OK
    say("Of edits while the daemon or the service does not answer, the last line that fits decides:")
    width = max((len(line.pattern) for line in lines), default=1)
    for pattern, word in [
        (EVERYTHING, "warn"),
        *((line.pattern, line.word) for line in lines if line.pattern),
    ]:
        say(f"  {pattern:<{width}}  {word}")
    _warn(wrong)
    return FOUND if wrong else OK


def set_(pattern: Pattern, word: Word, /, *, json: Json = False) -> int:
    """Refuse (`block`) or allow with a warning (`warn`) edits of some paths while nobody can protect them.

    It goes before what was set earlier. To undo it: `coord policy remove`.
    """
    _check(pattern)
    before = _read()
    others = [line for line in before if line.pattern != pattern]
    after = [*others, Line(f"{pattern} {word}", pattern, word)]
    change = "unchanged" if _text(after) == _text(before) else "added" if others == before else "updated"
    if change != "unchanged":
        _write(after)
    _tell(pattern, word, change, json=json)
    return OK


def remove(pattern: Pattern, /, *, json: Json = False) -> int:
    """Take back what was set for a pattern."""
    before = _read()
    after = [line for line in before if line.pattern != pattern]
    change = "unchanged" if after == before else "removed"
    if change == "removed":
        _write(after)
    _tell(pattern, None, change, json=json)
    return OK


def _tell(pattern: str, word: str | None, change: str, *, json: bool) -> None:
    if json:
        emit({"file": path(), "pattern": pattern, "policy": word, "change": change})
        return
    say(f"{change:<9}  {pattern}{'' if word is None else f'  {word}'}  in {path()}")
    _warn(_wrong())


def _warn(problems: list[str]) -> None:
    for problem in problems:
        say()
        say(problem)


def _check(pattern: str) -> None:
    """Make sure that a line with this pattern is read back as that, and not as a remark or nothing at all."""
    usable = pattern == pattern.strip() and legible(pattern) and not pattern.startswith("#")
    problem = rules.parse(f"{pattern} warn".encode(), _homes()).problem
    if usable and not problem and len(pattern) <= PATTERN_MAX:
        return
    # After the name of the line, which nobody sees, stands what is wrong with it.
    why = problem.partition('": ')[2].partition(". Until")[0]
    raise Failure(
        f"This cannot be a pattern: {why or 'a # in front, a space at an end, or something that nobody sees'}.",
        mend=f"See: {coord('policy --help')}",
        exit_code=USAGE,
        code="invalid_input",
    )


def _homes() -> list[str]:
    home = Path.home()
    return list(dict.fromkeys((str(home), str(home.resolve()))))


def _read() -> list[Line]:
    try:
        content = path().read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(
            f"{path()} cannot be read: {error}. So every edit counts as `block`.",
            mend=f"Look what it is; without it every edit counts as `warn`: rm {path()}",
        ) from None
    return [_line(text) for text in content.removesuffix("\n").split("\n")] if content else []


def _line(text: str) -> Line:
    stripped = text.strip()
    words = stripped.rsplit(None, 1)
    if not stripped.startswith("#") and len(words) == 2 and words[1].lower() in set(rules.Answer):  # noqa: PLR2004 - pattern and word
        return Line(text, words[0], words[1].lower())
    return Line(text)


def _wrong() -> list[str]:
    """What is the matter with the file, as the daemon and the hooks see it."""
    problem = PersonPolicy(path()).read().problem
    if not problem:
        return []
    is_open = path().exists() and path().stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return [f"{problem} Mend it: chmod 600 {path()}" if is_open else problem]


def _text(lines: list[Line]) -> str:
    return "".join(f"{line.text}\n" for line in lines)


def _write(lines: list[Line]) -> None:
    if lines:
        private_file.write(path(), _text(lines).encode())
    else:
        path().unlink()
