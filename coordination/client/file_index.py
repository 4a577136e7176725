"""Bringing the service's index of a checkout up to date: what differs is sent, and nothing else.

The service says what it knows, as digests of names. When all of it is the same nothing is sent but that it is so. A
refresh counts when it is finished; one that is broken off leaves what was there before.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import orjson

from coordination.client.service import ServiceClient
from coordination.domain.file_index import FileIndex, IndexSummary, KnownFile, entries, fingerprint
from coordination.wire.file_index import MAX_BATCH, facts_of

BATCH_BYTES: Final = 256 * 1024
"""A quarter of what a body may have, so that the service answers others in between."""
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class SentIndex:
    """What came of sending an index: how it is now, and how many files were sent and taken away."""

    summary: IndexSummary
    sent: int
    removed: int


def send_index(
    client: ServiceClient,
    session: str,
    checkout: str,
    commit: str,
    index: FileIndex,
    *,
    by: str | None = None,
    progress: Progress = lambda done: None,
) -> SentIndex:
    """Refresh the service's index of a checkout.

    Args:
        client: the service.
        session: the session.
        checkout: the key of the working tree, '' when it is unknown.
        commit: what is checked out.
        index: what is known of its files.
        by: the person who begins the session, should it not be there; with None it must be.
        progress: is told how many files are done since the last call.

    Raises:
        RequestRefused: another refresh of this checkout was begun meanwhile, or the service refused a name.
        ClientError: the service does not answer.
    """
    wanted = entries(index)
    digests = {entry.file.path: entry.digest for entry in wanted}
    whole = fingerprint(KnownFile(path, digest) for path, digest in digests.items())
    begun = client.begin_index(session, checkout, by)
    known: dict[str, str] = digests
    if begun.fingerprint != whole:
        known = {file.path: file.digest for file in client.known_files(session, checkout)}
    changed = [entry for entry in wanted if known.get(entry.file.path) != entry.digest]
    if 2 * len(changed) > len(wanted):
        # The service takes the place of everything more quickly than that of most.
        changed = wanted
    gone = sorted(known.keys() - digests.keys())
    progress(len(wanted) - len(changed))
    for files in _batches(facts_of(entry) for entry in changed):
        client.add_to_index(session, checkout, begun.refresh, files, [])
        progress(len(files))
    for start in range(0, len(gone), MAX_BATCH):
        client.add_to_index(session, checkout, begun.refresh, [], gone[start : start + MAX_BATCH])
    summary = client.finish_index(
        session, checkout, begun.refresh, files=len(digests), commit=commit, fingerprint=whole
    )
    return SentIndex(summary, len(changed), len(gone))


def _batches(facts: Iterable[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    batch: list[dict[str, object]] = []
    size = 0
    for one in facts:
        weight = len(orjson.dumps(one))
        if batch and (size + weight > BATCH_BYTES or len(batch) == MAX_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += weight
    if batch:
        yield batch
