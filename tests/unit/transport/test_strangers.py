"""Whoever may not connect cannot fill the log by trying."""

from structlog.testing import capture_logs

from coordination.transport.strangers import Strangers


def test_the_first_refused_connection_is_told_and_many_more_are_not() -> None:
    strangers = Strangers()
    with capture_logs() as logs:
        for number in range(1000):
            strangers.refused(1000 + number % 2)
    assert [(entry["log_level"], entry["uid"], entry["refused_so_far"]) for entry in logs] == [
        ("warning", 1000, 1)
    ]
