"""Indexes that were prepared for planning, kept for the next question about the same files.

To read and prepare an index of twenty thousand files takes about a second, and a planner asks again after each change
of its tasks. The work is done beside the event loop, one index at a time, and only the last few are kept. A refresh
that was finished makes its index wanted, so that it is prepared before anybody asks; of those that are wanted only the
last few are remembered, and whoever asks does not wait for more than the one that is being prepared.
"""

import asyncio
import gc
from collections import OrderedDict
from datetime import datetime
from typing import Final, TypeAlias

from coordination.domain.errors import InvalidInput, RetryLater
from coordination.domain.file_index import MOST_NAMES, IndexLines, IndexSummary
from coordination.domain.plan.corpus import Corpus
from coordination.store import file_index as store
from coordination.store.database import Database

MOST_KEPT: Final = 2
"""Each may take tens of megabytes; together they have no more names than one may have."""

Place: TypeAlias = tuple[str, str, str]


class Corpora:
    """The last few prepared indexes, by workspace, session, checkout and when they were refreshed.

    Args:
        database: where the indexes are.
        stopping: set when the service stops; what is being prepared then is left.
        most_names: symbols and imports of all that is kept.
    """

    def __init__(self, database: Database, stopping: asyncio.Event, *, most_names: int = MOST_NAMES) -> None:
        self._database: Final = database
        self._stopping: Final = stopping
        self._most_names: Final = most_names
        self._kept: OrderedDict[tuple[Place, datetime], tuple[Corpus, int]] = OrderedDict()
        self._preparing = asyncio.Lock()
        self._wanted: OrderedDict[Place, IndexSummary] = OrderedDict()
        self._any_wanted = asyncio.Event()

    def get(self, workspace: str, session: str, index: IndexSummary) -> Corpus | None:
        """Return an index that is prepared, and count it as the last used; None when it is not."""
        key = ((workspace, session, index.checkout), index.refreshed_at)
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    async def of(self, workspace: str, session: str, index: IndexSummary) -> Corpus:
        """Return an index, prepared; whoever asks for the same meanwhile gets the same.

        Raises:
            InvalidInput: it is too large to plan with.
            RetryLater: the database cannot answer now, the index was refreshed all the time, or the service stops.
        """
        if found := self.get(workspace, session, index):
            return found
        async with self._preparing:
            if found := self.get(workspace, session, index):
                return found
            lines = await store.read(self._database, workspace, session, index.checkout)
            if lines is None:
                return Corpus(IndexLines())
            key = ((workspace, session, index.checkout), index.refreshed_at)
            names = await asyncio.to_thread(lines.names)
            self._make_room(names)
            found = await asyncio.to_thread(self._prepared, lines)
            self._kept[key] = found, names
            return found

    def want(self, workspace: str, session: str, index: IndexSummary) -> None:
        """Let an index be prepared soon; of more than the last few the earlier ones are forgotten."""
        place = (workspace, session, index.checkout)
        self._wanted[place] = index
        self._wanted.move_to_end(place)
        while len(self._wanted) > MOST_KEPT:
            self._wanted.popitem(last=False)
        self._any_wanted.set()

    async def prepare_wanted(self) -> None:
        """Wait until an index is wanted, and prepare what is, the latest first; what has to wait stays wanted.

        Raises:
            RetryLater: the database cannot answer now, or the service stops.
        """
        await self._any_wanted.wait()
        while self._wanted:
            place, index = self._wanted.popitem()
            try:
                await self.of(place[0], place[1], index)
            except InvalidInput:
                continue  # whoever plans with it is told
            except RetryLater:
                self._wanted.setdefault(place, index)
                raise
        self._any_wanted.clear()

    def _make_room(self, names: int) -> None:
        """Let go of those that were used longest ago, before one with so many names is made."""
        while self._kept and (
            len(self._kept) >= MOST_KEPT
            or sum(known for _, known in self._kept.values()) + names > self._most_names
        ):
            self._kept.popitem(last=False)

    def _prepared(self, lines: IndexLines) -> Corpus:
        """Prepare an index while the collector rests: of what is made nothing is let go, and the more there is of it,
        the longer the collector would look through it, again and again, for half of the whole time.
        """
        collects = gc.isenabled()
        gc.disable()
        try:
            corpus = Corpus(lines, self._look)
            for _ in corpus.prepare():
                self._look()
            return corpus
        finally:
            if collects:
                gc.enable()

    def _look(self) -> None:
        if self._stopping.is_set():
            raise RetryLater("The service stops.", next_call="repeat the same call in a few seconds")
