"""`coord connect` with the real Claude Code: the entry works, and terminals say where they are without being told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.checkout import clone
from tests.acceptance.claude import NEWER, OLDER, Claude
from tests.acceptance.four_terminals import CLAIM, LEXER, USER, agent, holds
from tests.acceptance.model_api import ModelApi
from tests.acceptance.script import Call, Say
from tests.acceptance.service import Service, coord, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.slow(reason="real clients start"),
]


@pytest.mark.parametrize("version", [NEWER, OLDER])
def test_terminals_of_one_entry_are_told_apart_by_name_checkout_and_terminal(
    version: str, programs: dict[str, Path], repository: Path, service: Service, tmp_path: Path
) -> None:
    session = f"connect-{version}"
    checkout = clone(repository, tmp_path / "checkout")
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[version], tmp_path, checkout, model)

        def type_coord(*words: str) -> str:
            return claude.run(coord(), *words, environment=service.settings)

        assert "is connected to session" in type_coord("connect", session, "--user", USER)
        assert "already" in type_coord("connect", session, "--user", USER)
        # An absolute path is understood only where the top level of the checkout is known.
        claim = Call(CLAIM, {"file_paths": [str(checkout / LEXER)]})
        first = claude.start("first", [claim, Say("Here.", name="first claimed", after="both were seen")])
        model.reached("first claimed")
        other = claude.start(
            "other", [Call(CLAIM, {"file_paths": ["setup.py"]})], environment={"COORD_AGENT": "impl_a"}
        )
        assert other.wait().exit_code == 0
        double = claude.start("double", [Call(CLAIM, {"file_paths": ["tox.ini"]})])
        assert double.wait().exit_code == 0
        # Presence is written once a second.
        wait_until(lambda: _terminals(service, session, "planner") == 2, 10, "the double to be noticed")
        view = service.status(session)
        warned = type_coord("status", session)
        model.open("both were seen")
        assert first.wait().exit_code == 0
        assert "Removed" in type_coord("connect", "--remove")

    planner, impl_a = agent(view, "planner"), agent(view, "impl_a")
    assert planner["checkout_root"] == impl_a["checkout_root"] == str(checkout)
    assert planner["checkout"] == impl_a["checkout"] != ""
    assert sorted(holds(view, "planner")) == sorted([LEXER, "tox.ini"])
    assert impl_a["terminals"] == 1
    assert f"2 terminals use the name {USER}/planner" in warned


@pytest.mark.parametrize("version", [NEWER, OLDER])
def test_in_a_worktree_and_in_a_folder_below_the_one_entry_of_the_repository_is_found(
    version: str, programs: dict[str, Path], repository: Path, service: Service, tmp_path: Path
) -> None:
    checkout = clone(repository, tmp_path / "checkout")
    tree = tmp_path.resolve() / "tree"
    subprocess.run(["git", "worktree", "add", "--quiet", tree], cwd=checkout, check=True)
    with ModelApi(tmp_path / "model.jsonl") as model:
        claude = Claude(programs[version], tmp_path, checkout, model)

        def change(folder: Path, *words: str) -> str:
            claude.checkout = folder
            answer = json.loads(
                claude.run(coord(), "connect", *words, "--json", environment=service.settings)
            )
            return str(answer["change"])

        assert change(checkout, "first") == "added"
        assert change(tree, "first") == "unchanged"
        assert change(tree, "second") == "replaced"
        assert change(checkout / "pygments", "second") == "unchanged"
        assert change(tree / "pygments", "--remove") == "removed"
        assert change(checkout, "--remove") == "unchanged"


def _terminals(service: Service, session: str, name: str) -> int:
    return agent(service.status(session), name)["terminals"]
