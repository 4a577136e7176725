"""Who does what: nothing is written by two at once, everything is done once, and more agents than pay are not taken."""

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination.domain.errors import InvalidInput
from coordination.domain.file_index import FileIndex
from coordination.domain.path import normalise, overlaps
from coordination.domain.plan.analysis import Analysis, Complexity, analyse, distributed
from coordination.domain.plan.assignment import MOST_AGENTS
from coordination.domain.plan.conflict import MOST_NAMED
from coordination.domain.plan.corpus import Corpus
from coordination.domain.plan.task import PlannedTask

FILES = ("a.py", "b.py", "src/c.py", "SRC/c.py", "src", ".", "resource:x", "resource:x/y")


@st.composite
def plans(draw: st.DrawFn) -> list[PlannedTask]:
    tasks: list[PlannedTask] = []
    for number in range(draw(st.integers(1, 12))):
        earlier = [task.id for task in tasks]
        depends_on = draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True)) if earlier else []
        files = draw(st.lists(st.sampled_from(FILES), max_size=3, unique=True))
        tasks.append(
            PlannedTask(f"t{number}", "work", tuple(map(normalise, files)), depends_on=tuple(depends_on))
        )
    return draw(st.permutations(tasks))


def analysed(tasks: list[PlannedTask]) -> Analysis:
    return analyse(Corpus(FileIndex(())), tasks, Complexity.MODERATE)


def task(id_: str, *files: str, after: tuple[str, ...] = ()) -> PlannedTask:
    return PlannedTask(id_, "work", tuple(map(normalise, files)), after)


def holders(analysis: Analysis) -> dict[str, list[str]]:
    return {one.agent: list(one.tasks) for one in analysis.schedule.assignments}


@given(plans())
def test_of_two_that_write_one_file_one_waits_for_the_other(tasks: list[PlannedTask]) -> None:
    analysis = analysed(tasks)
    ahead: dict[str, set[str]] = {}
    depends_on = {one.id: {*one.depends_on, *analysis.schedule.after.get(one.id, ())} for one in tasks}
    while len(ahead) < len(tasks):
        ready = [id_ for id_, others in depends_on.items() if id_ not in ahead and others <= ahead.keys()]
        assert ready, "what waits for what goes in a circle"
        for id_ in ready:
            ahead[id_] = {further for other in depends_on[id_] for further in {other, *ahead[other]}}
    # Judged by what was given, with the rule of claims: what the analysis calls a conflict is no witness for itself.
    for one, other in combinations(tasks, 2):
        if any(overlaps(mine.key, its.key) for mine, its in product(one.files, other.files)):
            assert one.id in ahead[other.id] or other.id in ahead[one.id]


@given(plans())
def test_every_task_is_done_once_and_after_what_it_depends_on_by_its_agent(tasks: list[PlannedTask]) -> None:
    analysis = analysed(tasks)
    done = [id_ for mine in holders(analysis).values() for id_ in mine]
    assert sorted(done) == sorted(one.id for one in tasks)
    for mine in holders(analysis).values():
        for earlier, later in combinations(mine, 2):
            assert later not in next(one.depends_on for one in tasks if one.id == earlier)


@given(plans(), st.integers(1, MOST_AGENTS))
def test_without_shared_files_no_schedule_is_longer_than_graham_proved(
    tasks: list[PlannedTask], agents: int
) -> None:
    free = [PlannedTask(one.id, one.description, (), one.depends_on) for one in tasks]
    analysis = analysed(free)
    try:
        found = distributed(analysis, agents)
    except InvalidInput:
        return
    whole = sum(analysis.work.values())
    longest: dict[str, float] = {}
    for id_ in analysis.order:
        before = next(one.depends_on for one in free if one.id == id_)
        longest[id_] = analysis.work[id_] + max((longest[other] for other in before), default=0.0)
    assert found.length <= (2 - 1 / agents) * max(whole / agents, *longest.values()) + 0.1


def test_tasks_of_their_own_go_to_agents_of_their_own() -> None:
    analysis = analysed([task("a", "a.py"), task("b", "b.py"), task("c", "c.py")])
    assert holders(analysis) == {"impl_a": ["a"], "impl_b": ["b"], "impl_c": ["c"]}
    assert analysis.schedule.after == {}


def test_tasks_that_all_write_one_file_are_for_one_agent() -> None:
    analysis = analysed([task(name, "a.py") for name in "abc"])
    assert analysis.recommended_agent_count == 1
    assert len(analysis.conflicts) == 3
    # Each waits for the one before alone: what is implied is not said.
    assert analysis.schedule.after == {"b": ("a",), "c": ("b",)}


def test_a_chain_of_shared_files_is_done_by_two_and_the_one_between_waits() -> None:
    chain = [task("a", "x.py", "p.py"), task("b", "x.py", "y.py"), task("c", "y.py", "q.py")]
    found = distributed(analysed(chain), 2)
    assert [one.tasks for one in found.assignments] == [("a", "b"), ("c",)]
    assert found.after == {"b": ("a", "c")}


def test_of_many_shared_files_the_first_are_named_and_the_others_counted() -> None:
    paths = [f"{number}.py" for number in range(30)]
    (conflict,) = analysed([task("a", *paths), task("b", *paths)]).conflicts
    assert (len(conflict.files), conflict.more) == (MOST_NAMED, 30 - MOST_NAMED)


def test_a_folder_and_a_file_in_it_are_one_place() -> None:
    (conflict,) = analysed([task("a", "src"), task("b", "src/c.py")]).conflicts
    assert (conflict.first, conflict.second, conflict.files) == ("a", "b", ("src/c.py",))


def test_the_whole_tree_is_one_place_with_every_file_and_with_no_resource() -> None:
    (conflict,) = analysed([task("a", "."), task("b", "b.py"), task("c", "resource:x")]).conflicts
    assert (conflict.first, conflict.second, conflict.files) == ("a", "b", ("b.py",))
    (both,) = analysed([task("a", "."), task("b", ".")]).conflicts
    assert both.files == (".",)


def test_two_spellings_of_a_file_are_one_file_of_a_conflict() -> None:
    (conflict,) = analysed([task("a", "Src/A.py"), task("b", "src/a.py")]).conflicts
    assert (conflict.files, conflict.more) == (("Src/A.py",), 0)


def test_tasks_that_wait_for_each_other_anyway_do_not_conflict() -> None:
    tasks = [task("a", "x.py"), task("b", after=("a",)), task("c", "x.py", after=("b",))]
    assert analysed(tasks).conflicts == ()


def test_more_agents_than_have_work_are_refused_with_the_number_that_has() -> None:
    analysis = analysed([task("a", "a.py"), task("b", "b.py")])
    with pytest.raises(InvalidInput, match=r"of 5 agents only 2 would get a task.*Take at most 2"):
        distributed(analysis, 5)


@given(plans())
def test_the_same_tasks_give_the_same_analysis(tasks: list[PlannedTask]) -> None:
    assert analysed(tasks) == analysed(list(tasks))
