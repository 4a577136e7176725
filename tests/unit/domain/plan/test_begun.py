"""A plan is handed out to agents who are at something: what they have stays theirs, and what goes with it too."""

import pytest

from coordination.domain.errors import InvalidInput
from coordination.domain.plan.analysis import distributed
from coordination.domain.plan.assignment import Schedule
from coordination.domain.plan.begun import Begun, shared_with
from tests.unit.domain.plan.test_assignment import analysed, task


def holders(found: Schedule) -> dict[str, list[str]]:
    return {one.agent: list(one.tasks) for one in found.assignments}


def test_what_shares_a_file_with_a_task_that_somebody_has_is_for_whoever_has_it() -> None:
    analysis = analysed([task("c", "c.py", "d.py"), task("new", "x.py")])
    assert holders(distributed(analysis)) == {"impl_a": ["c"], "impl_b": ["new"]}
    found = distributed(analysis, begun=[Begun("x", "impl_a", ("X.py",), 3.0)])
    assert holders(found) == {"impl_a": ["new"], "impl_b": ["c"]}


def test_who_has_the_whole_tree_has_every_file_of_it_and_no_resource() -> None:
    analysis = analysed([task("c", "resource:x", "resource:y"), task("new", "x.py")])
    assert shared_with([Begun("x", "impl_a", (".",))], analysis.predicted) == {"x": ("new",)}
    assert shared_with([Begun("x", "impl_a", ("x.py",))], analysed([task("all", ".")]).predicted) == {
        "x": ("all",)
    }


def test_a_task_of_the_plan_that_somebody_has_stays_with_its_holder_whatever_its_name() -> None:
    analysis = analysed([task("a", "a.py"), task("b", "b.py"), task("b2", "b.py")])
    found = distributed(analysis, 2, [Begun("b", "zoe", ("b.py",), 1.0)])
    assert holders(found) == {"impl_a": ["a"], "zoe": ["b", "b2"]}
    assert found.after == {"b2": ("b",)}


def test_who_has_much_left_to_do_gets_less() -> None:
    analysis = analysed([task(name, f"{name}.py") for name in "abc"])
    found = distributed(analysis, 2, [Begun("long", "impl_a", ("other.py",), 50.0)])
    assert holders(found) == {"impl_a": [], "impl_b": ["a", "b", "c"]}


def test_what_began_comes_before_what_it_was_to_wait_for_and_makes_no_circle() -> None:
    analysis = analysed([task("first", "x.py"), task("then", "x.py", after=("first",))])
    found = distributed(analysis, begun=[Begun("then", "impl_a", ("x.py",), 2.0)])
    assert (holders(found), found.after) == ({"impl_a": ["then", "first"]}, {"first": ("then",)})


def test_a_task_that_is_blocked_waits_for_its_turn_and_stays_with_its_holder() -> None:
    analysis = analysed([task("first", "x.py"), task("then", "x.py", after=("first",)), task("c", "c.py")])
    found = distributed(analysis, 2, [Begun("then", "impl_b", ("x.py",), 3.5, is_blocked=True)])
    assert "then" in holders(found)["impl_b"]
    assert found.after == {}


def test_what_is_completed_is_nobodys_work_and_holds_up_nothing() -> None:
    analysis = analysed([task("a", "x.py"), task("b", "x.py"), task("c", "c.py")])
    done = Begun("a", "impl_b", ("x.py",), 0)
    found = distributed(analysis, begun=[done])
    assert holders(found) == {"impl_a": ["b"], "impl_b": ["c"]}
    everything = [done, Begun("b", "impl_a", (), 0), Begun("c", "impl_a", (), 0)]
    assert [one.tasks for one in distributed(analysis, begun=everything).assignments] == [()]
    with pytest.raises(InvalidInput, match="every task of this plan is completed"):
        distributed(analysis, 2, everything)


def test_a_task_of_nobody_whom_the_plan_is_for_keeps_its_files_alone() -> None:
    analysis = analysed([task("a", "x.py"), task("b", "b.py")])
    found = distributed(analysis, 2, [Begun("mine", "", ("x.py",))])
    assert holders(found) == {"impl_a": ["b"], "impl_b": ["a"]}
