"""Reading many source files: what is kept is taken, the rest is read, by several processes when that is much.

A file that cannot be read or understood has no names and ends nothing; one that ends a process (no parser is free of
faults) is left out, and the others are read by a new one.
"""

import math
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coordination.repository.extract_cache import ExtractCache
from coordination.repository.listing import ListedFile
from coordination.repository.python_source import read_python
from coordination.repository.source import PYTHON, Extract, blob_id, is_source, read_bounded, suffix_of

BATCH: Final = 100
ALONE: Final = 300
"""Up to so many files are read sooner than other processes have begun."""
MOST_PROCESSES: Final = 8
STALLED_SECONDS: Final = 30.0
"""In which a batch is read a hundred times; there is code on which a parser takes for ever."""

Wanted = tuple[str, str]
"""A file on the disk below the top level, and the digest under which its extract is kept."""
Read = tuple[Wanted, Extract, bool]
"""What a file says, and whether it still has that digest: it may have changed since it was listed."""
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Extracted:
    """What all source files say, by path; `read` of them were not known before."""

    extracts: dict[str, Extract]
    read: int


def extract_all(
    top: Path, files: Sequence[ListedFile], cache: ExtractCache, progress: Progress, *, alone: int = ALONE
) -> Extracted:
    """Return what the source files among `files` say.

    Args:
        top: the top level of the working tree.
        files: all files of it.
        cache: what is known, and where it is kept; it is not written yet.
        progress: is told how many of `files` are done since the last call.
        alone: up to how many files this process reads without others.
    """
    extracts: dict[str, Extract] = {}
    missing: dict[Wanted, str] = {}
    for file in files:
        digest = _digest(top, file)
        known = cache.get(digest, suffix_of(file.path)) if digest else None
        if known is not None:
            extracts[file.path] = known
        elif digest:
            missing[file.place, digest] = file.path
    progress(len(files) - len(missing))
    for batch in _read_all(top, list(missing), alone):
        for wanted, extract, is_kept in batch:
            path = missing[wanted]
            extracts[path] = extract
            if is_kept:
                cache.keep(wanted[1], suffix_of(path), extract)
        progress(len(batch))
    return Extracted(extracts, len(missing))


def read_source(content: bytes, suffix: str) -> Extract:
    """Return what a source file says."""
    if suffix in PYTHON:
        return read_python(content)
    # The grammars take a moment to load, which a repository without scripts need not wait for.
    from coordination.repository.script_source import read_script  # noqa: PLC0415 - see above

    return read_script(content, suffix)


def _digest(top: Path, file: ListedFile) -> str:
    """Return under what the extract of a file is kept, '' for a file that has none."""
    if file.is_link or not is_source(file.path):
        return ""
    if file.blob:
        return file.blob
    content = read_bounded(top / file.place)
    return "" if content is None else blob_id(content)


def _read_all(top: Path, wanted: list[Wanted], alone: int) -> Iterator[list[Read]]:
    if len(wanted) <= alone:
        yield from (read_batch(top, [one]) for one in wanted)
        return
    batches = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]
    yield from _by_processes(
        top, batches, min(MOST_PROCESSES, os.cpu_count() or 1, math.ceil(len(batches) / 2))
    )


def _by_processes(top: Path, batches: Iterable[list[Wanted]], processes: int) -> Iterator[list[Read]]:
    """Yield what each batch says; those that ran while a process ended are tried again one by one."""
    waiting = deque(batches)
    suspects: list[list[Wanted]] = []
    while waiting:
        running: dict[Future[list[Read]], list[Wanted]] = {}
        with _pool(processes) as (pool, end):
            try:
                while waiting or running:
                    # Few at once, because all that were handed over fail when one process ends.
                    while waiting and len(running) < 2 * processes:
                        batch = waiting.popleft()
                        running[pool.submit(read_batch, top, batch)] = batch
                    done, _ = wait(running, STALLED_SECONDS, return_when=FIRST_COMPLETED)
                    if not done:
                        end()
                    for one in done:
                        yield one.result()
                        del running[one]
            except BrokenProcessPool:
                suspects.extend(running.values())
    yield from _one_by_one(top, suspects)


def _one_by_one(top: Path, suspects: list[list[Wanted]]) -> Iterator[list[Read]]:
    """Yield what each batch says; one that ends its process is halved until the file that does it stands alone."""
    while suspects:
        batch = suspects.pop()
        with _pool(1) as (pool, end):
            reading = pool.submit(read_batch, top, batch)
            if not wait([reading], STALLED_SECONDS).done:
                end()
            try:
                yield reading.result()
            except BrokenProcessPool:
                half = len(batch) // 2
                if half:
                    suspects.extend((batch[:half], batch[half:]))
                else:
                    yield [(batch[0], Extract(), False)]


@contextmanager
def _pool(processes: int) -> Generator[tuple[ProcessPoolExecutor, Callable[[], None]]]:
    """Lend new processes, and what ends them at once when they stand still."""
    # A forked process would inherit the locks of whatever threads run here.
    others = set(multiprocessing.active_children())

    def end() -> None:
        for process in set(multiprocessing.active_children()) - others:
            process.kill()

    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool, end


def read_batch(top: Path, wanted: Iterable[Wanted]) -> list[Read]:
    """Return what several files say; it runs in a process of its own."""
    found: list[Read] = []
    for place, digest in wanted:
        content = read_bounded(top / place)
        if content is None:
            found.append(((place, digest), Extract(), False))
        else:
            extract = read_source(content, suffix_of(place))
            found.append(((place, digest), extract, blob_id(content, like=digest) == digest))
    return found
