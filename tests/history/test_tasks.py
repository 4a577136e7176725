"""Tasks: each wrong history is rejected by its rule with fitting words, the right one beside it is accepted."""

from dataclasses import replace

import pytest

from tests.history.checker import Call, Event, Header, History, Rule, TaskRow, judge
from tests.history.checker.records import TaskStatus
from tests.history.scenario import SESSION, broken
from tests.history.task_scenario import Change, TaskScenario, with_calls, with_events, with_rows


def right() -> TaskScenario:
    """Two plans of which the second keeps what the first began, and three agents that work them off."""
    story = TaskScenario()
    story.distribute("p1", {"a": (), "b": ("a",), "c": (), "e": ()}, at=10)
    story.sync("x", at=11, offered="a")
    story.report("x", "a", "started", at=12)
    story.sync("y", at=13, offered="c")
    story.report("y", "c", "started", at=14)
    story.report("z", "c", "started", at=15, outcome="fail", written=False)
    story.report("x", "a", "in_progress", at=16)
    story.report("x", "a", "completed", at=17, offered="b")
    story.report("x", "a", "completed", at=18)
    story.distribute("p2", {"a": (), "b": ("a",), "c": (), "d": ("b",)}, at=19)
    story.report("x", "b", "started", at=20)
    story.report("y", "c", "blocked", at=21)
    story.report("y", "c", "completed", at=22)
    story.report("x", "b", "failed", at=23)
    story.report("x", "b", "started", at=24)
    story.report("x", "b", "completed", at=25)
    story.sync("z", at=26, offered="d")
    story.report("z", "d", "started", at=27, outcome="unknown")
    story.distribute(
        "p2", {"a": (), "b": ("a",), "c": (), "d": ("b",)}, at=28, outcome="unknown", written=False
    )
    return story


def test_tasks_that_are_worked_off_one_after_the_other_are_accepted() -> None:
    assert judge(right().history()) == []


def by(agent: str, task: str, kind: str, to: str) -> Change:
    """Somebody else did it."""

    def changed(event: Event) -> Event:
        return (
            replace(event, agent=to)
            if (event.agent, event.task, event.kind) == (agent, task, kind)
            else event
        )

    return with_events(changed)


def dropped(seq: int) -> Change:
    return with_events(lambda event: None if event.seq == seq else event)


def kept(seq: int, *tasks: str) -> Change:
    return with_events(lambda event: replace(event, kept=tasks) if event.seq == seq else event)


def kind(seq: int, name: str) -> Change:
    return with_events(lambda event: replace(event, kind=name) if event.seq == seq else event)


def waits(plan: str, task: str, *others: str) -> Change:
    def changed(call: Call) -> Call:
        if call.plan is None or call.plan.id != plan:
            return call
        return replace(call, plan=replace(call.plan, depends_on={**call.plan.depends_on, task: others}))

    return with_calls(changed)


def unasked(task: str, status: TaskStatus) -> Change:
    return with_calls(
        lambda call: (
            None
            if call.report is not None and (call.report.task, call.report.status) == (task, status)
            else call
        )
    )


def refused(task: str, status: TaskStatus) -> Change:
    def changed(call: Call) -> Call:
        is_it = call.report is not None and (call.report.task, call.report.status) == (task, status)
        return replace(call, outcome="fail") if is_it else call

    return with_calls(changed)


def offered(agent: str, task: str, instead: str) -> Change:
    def changed(call: Call) -> Call:
        return replace(call, offered=instead) if (call.agent, call.offered) == (agent, task) else call

    return with_calls(changed)


def row(task: str, status: str | None, agent: str = "") -> Change:
    def changed(one: TaskRow) -> TaskRow | None:
        if one.id != task:
            return one
        return None if status is None else TaskRow(session=SESSION, id=task, status=status, agent=agent)  # pyright: ignore[reportArgumentType]  the tests' own words

    return with_rows(changed)


def stranger(history: History) -> History:
    return replace(
        history, tasks=(*history.tasks, TaskRow(session=SESSION, id="q", status="started", agent="x"))
    )


WRONG: dict[str, tuple[Change, Rule, str]] = {
    "taken while another has it": (
        by("x", "a", "task.progressed", "y"),
        Rule.TAKEN,
        'took "a", which x had since event 2',
    ),
    "reported by another while it is blocked": (
        by("y", "c", "task.completed", "z"),
        Rule.TAKEN,
        'took "c", which y had since event 9',
    ),
    "begun before its predecessor": (waits("p1", "c", "e"), Rule.ORDER, "took \"c\", which waits for ['e']"),
    "begun before its predecessor in a later plan": (
        waits("p2", "d", "b", "e"),
        Rule.ORDER,
        "took \"d\", which waits for ['e']",
    ),
    "offered while it waits": (
        offered("x", "a", "b"),
        Rule.ORDER,
        'was offered "b", which waited for others',
    ),
    "offered while another has it": (offered("y", "c", "a"), Rule.ORDER, 'was offered "a", which event 2'),
    "offered and not planned any more": (
        offered("z", "d", "e"),
        Rule.ORDER,
        'was offered "e", which waited for others or was not planned',
    ),
    "started anew without being opened": (
        kind(12, "task.started"),
        Rule.KEPT,
        'changed "b", which event 11',
    ),
    "closed twice by two": (by("x", "a", "task.completed", "y"), Rule.TAKEN, 'took "a"'),
    "opened and was not closed": (kind(8, "task.reopened"), Rule.KEPT, "opens again what was not closed"),
    "replaced by a plan": (kept(7, "c"), Rule.KEPT, "replaced ['a'], which had started"),
    "kept and never begun": (kept(7, "a", "b", "c"), Rule.KEPT, "kept ['b'], which had not started"),
    "gone at the end": (row("a", None), Rule.KEPT, '"a" is no longer there after event 6'),
    "pending again at the end": (row("c", "pending"), Rule.KEPT, '"c" is pending by nobody at the end'),
    "another's at the end": (row("c", "completed", "x"), Rule.KEPT, '"c" is completed by x at the end'),
    "begun at the end and never reported": (stranger, Rule.KEPT, '"q" of local/demo is started by x'),
    "acknowledged and not written": (
        dropped(9),
        Rule.EVENTS,
        "blocked c], ok) was acknowledged and has no event",
    ),
    "handed out and not written": (
        dropped(7),
        Rule.EVENTS,
        "plan p2], ok) was acknowledged and has no event",
    ),
    "written and never reported": (unasked("c", "blocked"), Rule.EVENTS, "belongs to no call that asked"),
    "refused and written": (refused("c", "blocked"), Rule.EVENTS, "was refused, and yet wrote event 9"),
    "a plan of nobody": (
        with_calls(lambda call: None if call.plan is not None and call.plan.id == "p2" else call),
        Rule.EVENTS,
        "hands out the plan p2, for which nobody asked",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_history_of_tasks_is_rejected(name: str) -> None:
    change, rule, words = WRONG[name]
    found = judge(change(right().history()))
    assert words in "\n".join(violation.message for violation in found if violation.rule is rule), found


def failed_and_planned_again() -> TaskScenario:
    story = TaskScenario()
    story.distribute("p1", {"a": ()}, at=10)
    story.report("x", "a", "started", at=11)
    story.report("x", "a", "failed", at=12)
    story.distribute("p2", {"a": ()}, at=13)
    return story


def test_what_failed_is_free_again_when_it_is_planned_again() -> None:
    story = failed_and_planned_again()
    assert judge(story.history()) == []
    story.sync("y", at=14, offered="a")
    story.report("y", "a", "started", at=15)
    assert judge(story.history()) == []


def test_what_failed_and_was_planned_again_is_not_kept_as_it_was() -> None:
    history = failed_and_planned_again().history()
    assert broken(row("a", "failed", "x")(history)) == {Rule.KEPT}
    assert broken(kept(4, "a")(history)) == {Rule.KEPT}


def test_without_all_reports_nothing_is_said_of_tasks() -> None:
    history = stranger(right().history())
    assert broken(replace(history, header=replace(history.header, tasks=False))) == set()
    assert broken(replace(history, header=Header(tasks=True), events=())) == set()


def test_a_report_that_heard_nothing_took_effect_once_or_never() -> None:
    story = TaskScenario()
    story.report("x", "a", "started", at=10, outcome="unknown")
    assert broken(story.history()) == set()
    story.report("x", "a", "started", at=11, outcome="unknown", written=False)
    assert broken(story.history()) == set()
    twice = TaskScenario()
    twice.report("x", "a", "started", at=10, outcome="unknown")
    again = twice.history().events[0]
    events = (again, replace(again, seq=2, created_at=11.0))
    assert broken(replace(twice.history(), events=events)) == {Rule.EVENTS}


@pytest.mark.parametrize(("quiet", "expected"), [(499.0, {Rule.TAKEN}), (600.0, set[Rule]())])
def test_the_task_of_an_agent_that_was_not_heard_of_for_long_may_be_taken(
    quiet: float, expected: set[Rule]
) -> None:
    story = TaskScenario()
    story.report("x", "a", "started", at=10)
    story.report("y", "a", "started", at=10 + quiet)
    assert broken(story.history()) == expected


def test_an_agent_that_calls_is_there_whatever_it_calls() -> None:
    story = TaskScenario()
    story.report("x", "a", "started", at=10)
    story.sync("x", at=600)
    story.report("y", "a", "started", at=700)
    assert broken(story.history()) == {Rule.TAKEN}


@pytest.mark.parametrize(("status", "rules"), [("started", {Rule.ORDER}), ("failed", set[Rule]())])
def test_a_task_that_a_new_plan_lets_wait_may_only_be_ended_although_it_was_offered(
    status: TaskStatus, rules: set[Rule]
) -> None:
    story = TaskScenario()
    story.distribute("p1", {"a": (), "b": ()}, at=10)
    story.sync("x", at=11, offered="b")
    story.distribute("p2", {"a": (), "b": ("a",)}, at=12)
    story.report("x", "b", status, at=13)
    assert broken(story.history()) == rules


@pytest.mark.parametrize(
    ("end", "other", "rules"),
    [
        ("failed", "x", {Rule.ORDER}),
        ("blocked", "y", {Rule.ORDER}),
        ("blocked", "x", set[Rule]()),
    ],
)
def test_a_task_that_is_begun_anew_waits_and_one_that_is_gone_on_with_does_not(
    end: TaskStatus, other: str, rules: set[Rule]
) -> None:
    story = TaskScenario()
    story.distribute("p1", {"a": (), "b": ("a",)}, at=10)
    story.report("z", "a", "completed", at=11)
    story.report("x", "b", end, at=12)
    story.report("z", "a", "started", at=13)
    story.report(other, "b", "started", at=12_000)
    assert broken(story.history()) == rules
    kept = TaskScenario()
    kept.distribute("p1", {"a": (), "b": ()}, at=10)
    kept.report("x", "b", "started", at=11)
    kept.distribute("p2", {"a": (), "b": ("a",)}, at=12)
    kept.report("x", "b", end, at=13)
    kept.report(other, "b", "started", at=12_000)
    assert broken(kept.history()) == set()


def test_a_redistribution_that_was_lost_may_have_come() -> None:
    story = TaskScenario()
    story.distribute("p1", {"a": ()}, at=10)
    story.distribute("p2", {"b": ()}, at=12, outcome="unknown")
    story.sync("x", at=13, offered="b")
    assert broken(story.history()) == set()
