"""Histories are recorded from threads, kept, read back, and judged from the command line."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.history.checker import (
    AskedPlan,
    Fault,
    History,
    Lease,
    Reader,
    Recorder,
    TaskReport,
    TaskRow,
    judge,
    load,
    save,
)
from tests.history.checker.__main__ import main
from tests.history.scenario import SESSION, Scenario


def full_history() -> History:
    story = Scenario()
    grant = story.claim("a", "src/ä.py", "y", at=1_700_000_000.123456)
    story.wait("b", "y", at=1_700_000_001.5, until=1_700_000_002.25)
    story.keep(story.renew(grant, at=1_700_000_003.000001))
    return replace(
        story.history(snapshot_at=1_700_000_004.0),
        faults=(Fault(from_=1_700_000_002.3, until=1_700_000_002.4, target="service"),),
        readers=(
            Reader(
                id="r",
                session=SESSION,
                seqs=(1, 2),
                kinds=("lock.claimed", "lock.renewed"),
                told=(("lock.claimed", 1_700_000_000.123456), ("lock.renewed", 1_700_000_003.000001)),
                way="page",
                resumed=1,
            ),
        ),
        tasks=(TaskRow(session=SESSION, id="t", status="pending"),),
    )


def test_a_kept_history_is_read_back_as_it_was(tmp_path: Path) -> None:
    history = full_history()
    save(history, tmp_path / "run.jsonl")
    assert load(tmp_path / "run.jsonl") == history
    assert not judge(history)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        json.dumps({"type": "call", "id": 1}),
        json.dumps({"type": "storm"}),
        json.dumps({"type": "fault", "from_": 1, "until": 2, "extra": 3}),
        json.dumps({"type": "header"}),
    ],
)
def test_a_line_that_is_no_record_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(json.dumps({"type": "header"}) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"run\.jsonl"):
        load(path)


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="0 headers"):
        load(path)


def test_many_threads_record_at_once() -> None:
    ticks = itertools.count()
    recorder = Recorder(clock=lambda: float(next(ticks)))

    def work(number: int) -> int:
        call = recorder.invoke("client", SESSION, f"agent {number}", "claim", paths=[f"file{number}"])
        lease = Lease(path=f"file{number}", token=call, granted_at=1.0, expires_at=2.0)
        recorder.complete(call, "ok", leases=[lease])
        return call

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(work, range(200)))
    calls = recorder.history().calls
    assert {call.id for call in calls} == set(numbers) == set(range(1, 201))
    assert all(call.completed is not None and call.invoked < call.completed for call in calls)
    assert all(call.leases[0].token == call.id for call in calls)


def test_a_call_that_heard_nothing_stays_unknown() -> None:
    recorder = Recorder()
    silent = recorder.invoke("client", SESSION, "a", "claim", paths=["x"])
    lost = recorder.invoke("client", SESSION, "a", "release")
    recorder.complete(lost, "unknown")
    recorder.fault(1.0, 2.0, "service")
    history = recorder.history()
    assert [(call.id, call.outcome, call.completed) for call in history.calls] == [
        (silent, "unknown", None),
        (lost, "unknown", None),
    ]
    assert history.faults == (Fault(from_=1.0, until=2.0, target="service"),)


def test_a_report_and_a_plan_are_kept_with_their_calls(tmp_path: Path) -> None:
    recorder = Recorder(clock=lambda: 1.0)
    plan = AskedPlan(id="p", depends_on={"t": (), "u": ("t",)})
    recorder.complete(recorder.invoke("client", SESSION, "planner", "distribute", plan=plan), "ok")
    report = TaskReport(task="t", status="completed")
    number = recorder.invoke("client", SESSION, "a", "sync", report=report)
    recorder.complete(number, "ok", offered="u")
    history = recorder.history()
    assert [(call.plan, call.report, call.offered) for call in history.calls] == [
        (plan, None, ""),
        (None, report, "u"),
    ]
    save(history, tmp_path / "run.jsonl")
    assert load(tmp_path / "run.jsonl") == history


def test_a_call_is_completed_once() -> None:
    recorder = Recorder()
    number = recorder.invoke("client", SESSION, "a", "release")
    recorder.complete(number, "ok")
    with pytest.raises(ValueError, match="completed before"):
        recorder.complete(number, "ok")


def test_a_malformed_history_is_not_judged() -> None:
    history = full_history()
    with pytest.raises(ValueError, match="one id"):
        judge(replace(history, calls=(history.calls[0], history.calls[0])))
    blank = replace(history.calls[0], leases=(Lease(path="y", token=1),))
    with pytest.raises(ValueError, match="does not say when"):
        judge(replace(history, calls=(blank,)))


def test_the_command_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.jsonl"
    save(full_history(), path)
    assert main([str(path)]) == 0
    assert "0 violations" in capsys.readouterr().out
    save(replace(full_history(), locks=()), path)
    assert main([str(path)]) == 1
    assert "[5 acknowledged is kept]" in capsys.readouterr().out
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert main([]) == 2
