"""docs/reference/metrics.md names every metric with its labels and their values, and nothing else."""

from typing import get_args

import pytest
from prometheus_client import Metric

from coordination.domain.visibility import ClientKind
from coordination.metrics import Metrics
from coordination.metrics.catalogue import ClaimOutcome, LeaseEnd
from coordination.transport.mcp.visibility import HIDDEN_TOOL
from coordination.transport.measured import GONE, METHODS, OTHER, SWITCHED
from tests.unit.docs.page import REFERENCE, names, rows, section, spans, text_of

PAGE = text_of(REFERENCE / "metrics.md")
SECTIONS = {"counter": "Counters", "histogram": "Histograms", "gauge": "Gauges"}
VALUES = {spans(row[0])[0]: spans(row[1]) for row in rows(section(PAGE, "Values of the labels"))[:6]}
LABELLED = {
    metric._name: metric._labelnames for metric in vars(Metrics()).values() if hasattr(metric, "_labelnames")
}


def families() -> list[Metric]:
    return list(Metrics().registry.collect())


def full_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


@pytest.mark.parametrize("kind", SECTIONS)
def test_every_metric_has_its_row_and_nothing_else_has(kind: str) -> None:
    defined = {full_name(family) for family in families() if family.type == kind}
    assert defined
    assert set(names(section(PAGE, SECTIONS[kind]))) == defined


def test_the_labels_of_every_metric_are_named() -> None:
    documented = {
        spans(row[0])[0].removesuffix("_total"): tuple(spans(row[1]))
        for title in SECTIONS.values()
        for row in rows(section(PAGE, title))
    }
    assert documented == LABELLED


def test_every_metric_begins_alike_and_says_what_it_means() -> None:
    assert all(family.name.startswith("coordination_") for family in families())
    assert all(family.documentation.endswith(".") for family in families())


def test_no_label_can_tell_one_tenant_from_another() -> None:
    labels = {label for of_one in LABELLED.values() for label in of_one}
    assert labels == {"client", "tool", "outcome", "reason", "route", "method", "status", "end", "version"}


def test_every_value_of_a_label_that_has_a_list_is_named() -> None:
    assert VALUES["client"] == list(get_args(ClientKind))
    assert VALUES["end"] == list(get_args(LeaseEnd))
    assert set(VALUES["method"]) == {*METHODS, OTHER}
    assert GONE in VALUES["status"]
    assert str(SWITCHED) in next(row[1] for row in rows(PAGE) if row[0] == "`status`")
    assert OTHER in VALUES["route"]
    outcomes = [spans(row[0])[0] for row in rows(section(PAGE, "Values of the labels"))[6:]]
    assert outcomes == list(get_args(ClaimOutcome))


def test_the_reason_that_is_no_code_is_named() -> None:
    assert HIDDEN_TOOL in spans(section(PAGE, "Counters"))
