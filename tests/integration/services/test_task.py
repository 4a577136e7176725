"""Use cases on tasks: messages from people, and reports that make no sense."""

import pytest

from coordination.domain.errors import InvalidInput, UnknownItem
from coordination.domain.task import Report, TaskStatus
from coordination.services import task
from coordination.services.core import Core
from tests.integration.store.steps import agent

A, B = agent("impl_a"), agent("impl_b")


async def test_a_person_s_message_is_cleaned_and_read_once(core: Core) -> None:
    for who in (A, B):
        await task.sync(core, who, Report())
    assert await task.send_message(core, "local", "demo", "alice", " stop\x1b[2J\u202e ", ["impl_a"]) == [
        A.id
    ]
    synced = await task.sync(core, A, Report())
    (item,) = synced.news.items
    assert (item.from_agent, item.payload["text"]) == ("alice", "stop")
    await task.confirm_news(core, A, synced.news.cursor)
    assert (await task.sync(core, A, Report())).news.items == ()


@pytest.mark.parametrize("text", ["", "  ", "\x00\u200b", "\x1b[31m"])
async def test_a_message_without_a_readable_word_is_refused(core: Core, text: str) -> None:
    with pytest.raises(InvalidInput, match="text"):
        await task.send_message(core, "local", "demo", "alice", text, None)


async def test_a_message_into_an_unknown_session_is_refused(core: Core) -> None:
    with pytest.raises(UnknownItem):
        await task.send_message(core, "local", "none", "alice", "hello", None)


@pytest.mark.parametrize(
    ("report", "field"),
    [
        (Report(task_id="t1"), "status"),
        (Report(status=TaskStatus.STARTED), "task_id"),
        (Report(to=("impl_b",)), "message"),
        (Report(message="to nobody"), "message"),
        (Report(progress_percentage=0), "progress_percentage"),
        (Report(paths=(), path_keys=()), "affected_files"),
    ],
)
async def test_a_report_that_makes_no_sense_names_the_field(core: Core, report: Report, field: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^{field}: "):
        await task.sync(core, A, report)
