"""What changes together, by the recent history of a repository.

Recent is the last 2,000 commits that are no merges: enough for years of a small team and months of a large one, and old
enough that what they say about files that exist today still holds; a number and not a date, so that a repository that
rests keeps what is known of it. A commit of n files speaks for each pair of them with 1/(n-1), and one of more than 50
files not at all: it formats, renames or imports. A pair that only one commit has changed may have met by chance and
counts half: it is a sign, but no strong one. A file that was moved as it was keeps its history; finding moves with
changes would need the content of every version.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from itertools import permutations
from typing import Final

from coordination.domain.file_index import MAX_PARTNERS, CoChange
from coordination.repository.git import Git, RepositoryUnreadable

COMMITS: Final = 2000
MAX_COMMIT_FILES: Final = 50
LEAST_WEIGHT: Final = 0.02
MET_ONCE: Final = 0.5
"""What the share of a pair that only one commit has changed is worth."""
SECONDS: Final = 20.0
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of history; what is older is left out."""
_LOG: Final = (
    "log", "-z", "--raw", "--no-merges", "--find-renames=100%", "-l400", "--no-ext-diff", "--no-textconv",
    "--ignore-submodules=all", "--format=%H", f"--max-count={COMMITS}", "HEAD", "--",
)  # fmt: skip


def head(git: Git) -> str:
    """Return the id of the commit that is checked out, '' before the first one."""
    return git.ask("rev-parse", "--verify", "--quiet", "HEAD", fine=(0, 1)).decode(errors="replace").strip()


def read_co_changes(git: Git, paths: Collection[str]) -> tuple[CoChange, ...] | None:
    """Return which of the files change together, by path and then the closest first; at most 20 for each.

    Returns:
        None when the history cannot be read, as in a clone that lacks parts of it.
    """
    if not head(git):
        return ()
    try:
        log = git.ask(*_LOG, seconds=SECONDS, most=MOST_BYTES, partly=True)
    except RepositoryUnreadable:
        return None
    changes: Counter[str] = Counter()
    together: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    again: defaultdict[str, set[str]] = defaultdict(set)
    for number, files in _commits(log, frozenset(paths)):
        changes.update(files)
        for path, other in permutations(sorted(files), 2):
            if other in together[path]:
                again[path].add(other)
            together[path][other] += 1 / (number - 1)
    return tuple(
        found
        for path in sorted(together)
        for found in _closest(path, together[path], again[path], changes[path])
    )


def _closest(path: str, others: dict[str, float], again: set[str], changes: int) -> Iterator[CoChange]:
    shares = {
        other: round(min(1.0, weight / changes) * (1.0 if other in again else MET_ONCE), 4)
        for other, weight in others.items()
        if weight / changes >= LEAST_WEIGHT
    }
    for other in sorted(shares, key=lambda other: (-shares[other], other))[:MAX_PARTNERS]:
        yield CoChange(path, other, shares[other])


def _commits(log: bytes, present: frozenset[str]) -> Iterator[tuple[int, set[str]]]:
    """Yield how many files each commit changed, and which of those there are, by today's names; the newest first."""
    moved: dict[str, str] = {}
    for changed in _parsed(log):
        files: set[str] = set()
        for before, after in changed:
            now = moved.get(after, after)
            if before != after:
                moved[before] = now
            files.add(now)
        if len(files) <= MAX_COMMIT_FILES:
            known = files & present
            if known:
                yield len(files), known


def _parsed(log: bytes) -> Iterator[list[tuple[str, str]]]:
    """Yield the changes of each commit as pairs of the names before and after.

    A record is `:modes ids letter`, NUL, and one name, or two for a move; names are taken by their place, so that none
    can pass for a record. What is no record is the id of a commit.
    """
    parts = iter(log.split(b"\0"))
    changed: list[tuple[str, str]] = []
    for part in parts:
        if part.lstrip(b"\n").startswith(b":"):
            before = next(parts, b"")
            letter = part.rpartition(b" ")[2][:1]
            after = next(parts, b"") if letter == b"R" else before
            changed.append((before.decode(errors="replace"), after.decode(errors="replace")))
        elif changed:
            yield changed
            changed = []
    if changed:
        yield changed
