"""Plans beside what agents do meanwhile: whose a task is, whose prompt is meant, and what waits for what."""

import pytest

from coordination.domain.agent import Agent
from coordination.domain.errors import InvalidInput, TaskWaits
from coordination.domain.path import normalise_all
from coordination.domain.plan.handed_out import HandedOut
from coordination.domain.plan.task import PlannedTask
from coordination.domain.task import Report, Synced, TaskStatus
from coordination.services import plan, task
from coordination.services.core import Core
from coordination.store.database import Database
from coordination.store.plan import Distributed
from tests.integration.services.tenants import fall_silent
from tests.integration.store.steps import agent

PLANNER, A, B = (agent(name) for name in ("planner", "impl_a", "impl_b"))


def planned(id_: str, *files: str, after: tuple[str, ...] = (), words: str = "") -> PlannedTask:
    return PlannedTask(id_, words or f"Do {id_}", normalise_all(files) if files else (), after)


async def hand_out(core: Core, *tasks: PlannedTask, planner: Agent = PLANNER) -> Distributed:
    kept = await plan.analyse(core, planner, tasks)
    return await plan.distribute(core, planner, kept.id)


async def report(core: Core, who: Agent, task_id: str, *statuses: str) -> Synced:
    for status in statuses[:-1]:
        await task.sync(core, who, Report(task_id, TaskStatus(status)))
    return await task.sync(core, who, Report(task_id, TaskStatus(statuses[-1])))


def by_id(distributed: Distributed) -> dict[str, HandedOut]:
    return {one.task_id: one for one in distributed.tasks}


async def test_what_was_completed_before_there_was_a_plan_is_no_task_of_it(core: Core) -> None:
    await report(core, A, "1", "completed")
    with pytest.raises(InvalidInput, match=r'"1" \(completed\) began with another description, or with none'):
        await hand_out(core, planned("1", "a.py"), planned("2", "b.py", after=("1",)))


async def test_what_was_completed_by_an_earlier_plan_that_had_its_words_counts(core: Core) -> None:
    await hand_out(core, planned("1", "a.py"), planned("2", "b.py"))
    await hand_out(core, planned("2", "b.py"))
    await report(core, A, "1", "completed")
    distributed = await hand_out(core, planned("1", "a.py"), planned("2", "b.py", after=("1",)))
    assert (distributed.kept, by_id(distributed)["1"].description) == (("1",), "Do 1")
    await report(core, B, "2", "started")


@pytest.mark.parametrize(("status", "waits_for"), [("started", ()), ("blocked", ("0",))])
async def test_what_somebody_began_before_there_was_a_plan_gets_what_the_plan_says_of_it(
    core: Core, status: str, waits_for: tuple[str, ...]
) -> None:
    await report(core, B, "1", status)
    found = by_id(await hand_out(core, planned("0", "z.py"), planned("1", "a.py", after=("0",))))
    one = found["1"]
    assert (one.description, one.files, one.depends_on) == ("Do 1", ("a.py",), waits_for)
    assert (one.status, one.agent_id, one.work > 0) == (status, B.id, True)


async def test_a_bare_name_means_one_agent_alone_and_its_tasks(core: Core) -> None:
    await hand_out(core, planned("x", "x.py"))
    bobs, carols = agent("impl_a", user="bob"), agent("impl_z", user="carol")
    await report(core, bobs, "x", "started")
    await report(core, carols, "z", "started")
    await hand_out(core, *(planned(name, f"{name}.py") for name in ("x", "y", "z", "w")))

    async def told(name: str, reader: Agent | None = None) -> list[bool]:
        text = await plan.prompt(core, "local", "demo", name, reader=reader)
        return [f'what: "Do {id_}"' in text for id_ in ("x", "y", "z")]

    of_bob, of_alice, of_carol = [True, False, False], [False, True, False], [False, False, True]
    assert (await told("impl_a"), await told("alice/impl_a")) == (of_alice, of_alice)
    assert (await told("bob/impl_a"), await told("impl_a", bobs)) == (of_bob, of_bob)
    assert (await told("impl_a", B), await told("impl_z")) == (of_alice, of_carol)
    await report(core, agent("impl_z", user="bob"), "y", "started")
    with pytest.raises(InvalidInput, match=r'"impl_z" may be bob/impl_z or carol/impl_z'):
        await told("impl_z")
    assert await told("impl_z", carols) == of_carol


async def test_whoever_plans_hands_nothing_to_itself_but_what_it_has(core: Core) -> None:
    found = by_id(await hand_out(core, planned("a", "a.py"), planned("b", "b.py"), planner=A))
    assert {one.assigned_to for one in found.values()} == {"alice/impl_b", "alice/impl_c"}
    await report(core, A, "a", "started")
    again = (planned(name, f"{name}.py") for name in "abc")
    found = by_id(await hand_out(core, *again, planned("a2", "a.py"), planner=A))
    assert {id_: one.whose == A.id for id_, one in found.items()} == {
        "a": True,
        "b": False,
        "c": False,
        "a2": False,
    }


async def test_what_is_blocked_holds_up_nothing_that_is_planned_on_its_files_and_the_planner_is_told(
    core: Core,
) -> None:
    await hand_out(core, planned("main", "main.py"))
    await report(core, A, "main", "started", "blocked")
    distributed = await hand_out(core, planned("split", "main.py"), planned("other", "o.py"))
    assert by_id(distributed)["split"].depends_on == ()
    (warning,) = distributed.warnings
    assert '"main" (alice/impl_a) is blocked and has files of "split"' in warning
    await report(core, B, "split", "started")
    # Planned beside the other one, it comes after what is to help it on; and nobody writes beside the other.
    distributed = await hand_out(core, planned("main", "main.py"), planned("help", "main.py"))
    assert by_id(distributed)["help"].depends_on == ("split",)
    with pytest.raises(TaskWaits, match='"main" waits for "split"'):
        await report(core, A, "main", "in_progress")
    await report(core, B, "split", "completed")
    await report(core, A, "main", "in_progress")


async def test_a_blocked_task_and_one_that_it_waits_for_do_not_wait_in_a_circle(core: Core) -> None:
    await hand_out(core, planned("lib", "lib.py"), planned("main", "main.py", after=("lib",)))
    await report(core, A, "lib", "started", "completed")
    await report(core, B, "main", "started", "blocked")
    await report(core, A, "lib", "started", "failed")
    again = planned("lib", "lib.py", "main.py", words="Do lib better")
    assert by_id(await hand_out(core, again))["lib"].depends_on == ()
    await report(core, A, "lib", "started")


async def test_what_failed_or_was_left_blocked_waits_when_it_is_begun_anew(
    core: Core, database: Database
) -> None:
    await hand_out(core, planned("lib", "l.py"), planned("main", "m.py", after=("lib",)))
    await report(core, A, "lib", "completed")
    await report(core, B, "main", "started", "blocked")
    await report(core, A, "lib", "started")
    with pytest.raises(TaskWaits, match='"main" waits for "lib"'):
        await report(core, B, "main", "in_progress")
    await fall_silent(database, B)
    with pytest.raises(TaskWaits, match='"main" waits for "lib"'):
        await report(core, A, "main", "started")
    await report(core, A, "main", "failed")
    for who in (A, B):
        with pytest.raises(TaskWaits, match='"main" waits for "lib"'):
            await report(core, who, "main", "started")
    await report(core, A, "lib", "completed")
    await report(core, B, "main", "started")
