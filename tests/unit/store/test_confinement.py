"""Every statement of the store is confined to one workspace, and what is not is named here with its reason."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import pytest

from tests.integration.services.tenants import TABLES
from tests.unit.store.confinement import WORKSPACES, Inspection
from tests.unit.store.statements import built, functions, texts

TENANTS: Final = frozenset(
    {*TABLES, WORKSPACES, "workspace_members", "workspace_invitations", "agent_tokens"}
)
FREE: Final = {
    "principal.BY_DIGEST": "it finds out which workspace a token is for",
    "principal.OF_PERSON": "it finds out whether a person belongs to the workspace in $2",
    "principal.OF_PERSON_AT_HOME": "it finds out which workspace is a person's own",
    "workspace.OF_PERSON": "it lists the workspaces of one person, who is in $1",
    "workspace.IS_BOOTSTRAPPED": "it says whether there is a first workspace, and nothing of it",
    "file_lock.SESSIONS_WITH_ENDED": "it is the service's own sweep; what it finds is swept workspace by workspace",
    "file_lock.QUEUE_DEPTH": "operators are told how many wait in all workspaces together, and nothing else",
    "coordination_sessions_due": "the service's own sweep; what it finds is swept workspace by workspace",
    "coordination_sweep_credentials": "the service's own sweep, of what has ended for thirty days in any workspace",
    "coordination_sweep_index": "the service's own sweep; it finds an index anywhere, and removes it where it is",
    "coordination_create_workspace": "it counts the workspaces of the one person who is in p_subject",
    "coordination_accept_invitation": "a code leads to the workspace; after the look-up all is that workspace's",
    "coordination_bootstrap_workspace": "the first workspace has the one id that it names",
    "coordination_finish_index": "it deletes by place what it found in its own workspace in the same statement",
    "coordination_take_place": "a ticket comes from the one sequence, and was found in the caller's workspace",
}
"""What is bound to no workspace, and why that is right."""
CONDITION: Final = re.compile(r"\b(?:\w+\.)?workspace_id = (?:\$1|\w+->>'workspace'|[a-z_]+(?:\.[a-z_]+)?)")


@cache
def inspection() -> Inspection:
    places = {one.name: one.place for one in functions().values() if one.place is not None}
    return Inspection(TENANTS, places)


@cache
def all_sql() -> dict[str, tuple[str, ...]]:
    written = {name: (text,) for name, text in texts().items()}
    return written | {name: one.queries for name, one in functions().items()}


def faults(name: str) -> list[str]:
    return [fault for query in all_sql()[name] for fault in inspection().faults(query)]


@pytest.mark.parametrize("name", sorted(all_sql()))
def test_a_statement_is_confined_to_one_workspace(name: str) -> None:
    found = faults(name)
    assert bool(found) == (name in FREE), found


def test_what_is_free_is_there() -> None:
    assert FREE.keys() <= all_sql().keys()


def test_the_tables_of_tenants_are_all_that_functions_and_statements_know() -> None:
    schema = "".join(text for queries in all_sql().values() for text in queries)
    assert {table for table in TENANTS if re.search(rf"\b{table}\b", schema)} == TENANTS


def test_no_statement_is_built_from_text() -> None:
    assert built() == []
    assert {name for name, one in functions().items() if one.builds} == {"coordination_path_key"}
    assert not any(table in functions()["coordination_path_key"].text for table in TENANTS)


def mutants() -> list[tuple[str, int, int]]:
    """Each condition on a workspace in each statement that is confined: its name, which part, which condition."""
    return [
        (name, part, number)
        for name, queries in all_sql().items()
        if name not in FREE
        for part, query in enumerate(queries)
        for number, _ in enumerate(CONDITION.finditer(query))
    ]


def test_a_statement_without_one_of_its_conditions_is_found() -> None:
    missed: list[str] = []
    for name, part, number in mutants():
        query = all_sql()[name][part]
        condition = list(CONDITION.finditer(query))[number]
        mutant = f"{query[: condition.start()]}true{query[condition.end() :]}"
        if not inspection().faults(mutant):
            missed.append(f"{name}: {condition[0]}")
    assert len(mutants()) > 100
    assert missed == []


@pytest.mark.parametrize(
    ("name", "written", "instead"),
    [
        ("coordination_begin_index", "VALUES (p_workspace,", "VALUES (p_session,"),
        (
            "coordination_begin_index",
            "(workspace_id, session_id, checkout, given)",
            "(other, session_id, checkout, given)",
        ),
        ("coordination_begin_index", "ON CONFLICT (workspace_id,", "ON CONFLICT ("),
        (
            "coordination_add_to_index",
            "SELECT p_workspace, p_session, p_checkout, p_refresh, gone",
            "SELECT p_session, p_session, p_checkout, p_refresh, gone",
        ),
        (
            "coordination_claim_file_lock",
            "coordination_enter_session(p_workspace,",
            "coordination_enter_session('local',",
        ),
        (
            "coordination_describe_task",
            "p.workspace_id = p_task.workspace_id",
            "p.workspace_id = p.workspace_id",
        ),
        (
            "coordination_send_message",
            "a.workspace_id = p_workspace",
            "(a.workspace_id = p_workspace OR true)",
        ),
        ("coordination_send_message", "a.workspace_id = p_workspace", "a.workspace_id <> p_workspace"),
        ("coordination_touch_agents", "SET last_activity", "SET workspace_id = seen.session, last_activity"),
        ("session.LIST", "= $1", "= $2"),
        ("plan.LATEST", "= $1", "= 'local'"),
    ],
)
def test_a_statement_for_another_workspace_is_found(name: str, written: str, instead: str) -> None:
    whole = all_sql()[name]
    assert any(written in query for query in whole)
    assert any(inspection().faults(query.replace(written, instead, 1)) for query in whole)
