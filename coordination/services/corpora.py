"""Indexes that were prepared for planning, kept for the next question about the same files.

To prepare an index of twenty thousand files takes a second or two, and a planner asks again after each change of its
tasks. The work is done beside the event loop, one at a time, and only the last few are kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from coordination.domain.file_index import FileIndex
from coordination.domain.plan.corpus import Corpus

MOST_KEPT: Final = 2
"""Each may take tens of megabytes."""


class Corpora:
    """The last few prepared indexes, by what tells one state of an index from another."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Corpus] = OrderedDict()
        self._preparing = asyncio.Lock()

    def get(self, key: Hashable) -> Corpus | None:
        """Return a kept one and count it as the last used."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    async def prepare(self, key: Hashable, index: FileIndex) -> Corpus:
        """Prepare an index and keep it; whoever asks for the same meanwhile gets the same."""
        async with self._preparing:
            found = self.get(key)
            if found is None:
                found = self._kept[key] = await asyncio.to_thread(Corpus.prepared, index)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            return found
