"""The daemon's own events: dense numbers, the newest kept, whoever comes back too late told so."""

import asyncio

from coordination.daemon.journal import Journal


def seqs(journal: Journal, after: int, most: int = 100) -> tuple[list[int], int | None]:
    page = journal.read(after, most)
    return [event.seq for event in page.events], page.removed_up_to


def test_numbers_begin_at_one_and_have_no_gap() -> None:
    journal = Journal()
    assert [journal.record("terminal.joined", terminal=number) for number in range(3)] == [1, 2, 3]
    first, *_ = journal.read(0).events
    assert (first.seq, first.kind, dict(first.facts)) == (1, "terminal.joined", {"terminal": 0})
    assert seqs(journal, 1) == ([2, 3], None)
    assert seqs(journal, 3) == ([], None)


def test_a_page_has_at_most_so_many() -> None:
    journal = Journal()
    for _ in range(5):
        journal.record("lease.lost")
    assert seqs(journal, 1, most=2) == ([2, 3], None)


def test_the_newest_are_kept_and_who_comes_too_late_is_told_what_is_gone() -> None:
    journal = Journal(kept=3)
    for _ in range(5):
        journal.record("lease.lost")
    assert seqs(journal, 0) == ([3, 4, 5], 2)
    assert seqs(journal, 1) == ([3, 4, 5], 2)
    assert seqs(journal, 2) == ([3, 4, 5], None)


async def test_who_waits_is_woken_by_the_event_after_his() -> None:
    journal = Journal()
    waiting = [asyncio.create_task(journal.wait(after)) for after in (0, 1)]
    await asyncio.sleep(0)
    journal.record("lease.lost")
    await waiting[0]
    await asyncio.sleep(0)
    assert not waiting[1].done()
    journal.record("lease.lost")
    await waiting[1]
    await journal.wait(1)


def test_each_start_has_a_name_of_its_own() -> None:
    assert Journal().run != Journal().run
