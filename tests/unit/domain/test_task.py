"""Reports and their answers: what is left out is None, and statuses are the wire's words."""

from dataclasses import fields

from coordination.domain.task import Report, TaskStatus


def test_an_empty_report_reports_nothing() -> None:
    report = Report()
    assert [getattr(report, field.name) for field in fields(Report)] == [None] * len(fields(Report))


def test_statuses_are_the_words_of_the_wire() -> None:
    assert list(TaskStatus) == ["started", "in_progress", "completed", "failed", "blocked"]
