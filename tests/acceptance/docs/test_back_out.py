"""The way back to an older release, played as the page says, in a clone that has both releases.

The older one is this release without its later migrations: what is tested is the way, and what each side says on it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from coordination.store.schema_version import known
from tests.acceptance.checkout import clone
from tests.integration.installation import Installation, get
from tests.unit.docs.page import DOCS, ROOT, fences, text_of

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.slow(reason="a service is started six times, each time after a change of release or schema"),
]

PAGE = text_of(DOCS / "how-to" / "back-out.md")
OLDER, OLD, NEW = "older", "0001", known()[-1]
REFUSED = (
    f'The database is at revision "{NEW}", which this release does not know. Use the release that made it.'
)
COMMAND_SECONDS = 60
AHEAD = 5
"""What `coord migrate --check` exits with beside a newer schema."""


@dataclass(frozen=True)
class Step:
    """A command of the page, and the lines that are shown below it."""

    command: str
    shown: tuple[str, ...]


def steps(title: str) -> list[Step]:
    """What is typed in a section of the page; "" is what stands before the first."""
    text = PAGE.partition(f"\n## {title}\n")[2] if title else PAGE
    found: list[Step] = []
    for fence in fences(text.partition("\n## ")[0]):
        if fence.language == "sh":
            found += [Step(line, ()) for line in fence.text.splitlines()]
        elif fence.language == "console":
            for block in fence.text.split("$ ")[1:]:
                command, *shown = block.splitlines()
                found.append(Step(command, tuple(shown)))
    return found


def place(found: list[Step], command: str, number: int = 0) -> int:
    """Where a command stands among the steps, for the first or a later time."""
    return [at for at, step in enumerate(found) if step.command == command][number]


class Reader:
    """Somebody with a clone of both releases who types what the page says."""

    def __init__(self, folder: Path, installation: Installation) -> None:
        self._installation = installation
        self._product = clone(ROOT, folder / "coordination")
        self._commit_both()
        self._set_up()
        self._environment = {
            **installation.environment,
            "OLDER": OLDER,
            "PATH": f"{self._product}/.venv/bin{os.pathsep}{os.environ['PATH']}",
        }
        for name in ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VENV", "PYTHONPATH"):
            self._environment.pop(name, None)

    def types(self, command: str, expected: int = 0) -> str:
        """Run a command in the clone, and return what it printed."""
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self._product,
            env=self._environment,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == expected, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def plays(self, found: list[Step]) -> None:
        """Run commands; what is shown below each is among what it prints."""
        for step in found:
            printed = self.types(step.command, self._expected(step.command)).splitlines()
            assert set(step.shown) <= set(printed), (step, printed)

    def call(self, agent: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool of the running service; its structured answer."""
        answer = httpx.post(
            f"{self.url}/mcp/v2/claude/alice__session__demo__{agent}",
            json={
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": tool, "arguments": arguments},
            },
            headers={"x-client-name": "claude code"},
            trust_env=False,
            timeout=30,
        )
        found: dict[str, Any] = answer.json()["result"]["structuredContent"]
        return found

    @property
    def url(self) -> str:
        """Where the service runs."""
        (service,) = self._installation.services()
        return service.url

    @property
    def health(self) -> tuple[str, str, str]:
        """The whole in a word, the state of the migrations, and the revision."""
        found = get(f"{self.url}/health/detailed").json()
        return found["status"], found["migrations"]["state"], found["migrations"]["revision"]

    def record(self) -> dict[str, Any]:
        """What every release knows of the session: agents, leases with their tokens, and events."""
        api = f"{self.url}/api/v1/sessions/demo"
        locks = get(f"{api}/locks").json()["locks"]
        agents = get(f"{api}?include_inactive=true").json()["agents"]
        return {
            "locks": [
                (one["path"], one["agent_id"], one["fencing_token"], one["expires_at"]) for one in locks
            ],
            "agents": [(one["agent_id"], one["role"]) for one in agents],
            "tasks": [one["task"] and one["task"]["task_id"] for one in agents],
            "events": get(f"{api}/events").json()["events"],
        }

    def fills_a_session(self) -> None:
        """Locks, a report, a plan and an index in the session demo."""
        self.call("impl_a", "claim_file_lock", file_paths=["a.py", "b"], duration_minutes=60)
        self.call("impl_a", "sync_progress", task_id="t1", status="started", progress_percentage=40)
        tasks = [{"id": id_, "description": f"Mend {id_}.py", "files": [f"{id_}.py"]} for id_ in ("x", "y")]
        analysis = self.call("planner", "analyze_task_conflicts", tasks=tasks)
        self.call("planner", "create_task_distribution", analysis_id=analysis["analysis_id"])
        self.types("coord index demo")

    def plan(self, expected: int = 0) -> str:
        """What is known of the plan."""
        return self.types("coord plan demo", expected)

    def log(self) -> str:
        """What the service logged."""
        return self._installation.log()

    def _expected(self, command: str) -> int:
        looks_ahead = command == "coord migrate --check" and self.health[1] == "ahead"
        return AHEAD if looks_ahead else 0

    def _git(self, *arguments: str) -> None:
        author = ("-c", "user.name=Acceptance", "-c", "user.email=acceptance@localhost")
        subprocess.run(["git", *author, *arguments], cwd=self._product, check=True, stdout=sys.stderr)

    def _commit_both(self) -> None:
        """Stand on a branch of this release; the tag is the older one."""
        self._git("switch", "--quiet", "-c", "newer")
        for revision in known()[1:]:
            for found in (self._product / "migrations" / "versions").glob(f"{revision}_*.py"):
                found.unlink()
        self._git("commit", "--quiet", "--all", "-m", "The release before")
        self._git("tag", OLDER)
        self._git("reset", "--quiet", "--hard", "HEAD~1")

    def _set_up(self) -> None:
        """Give the clone an environment with the packages of this one, as `make up` would install them anew."""
        environment = self._product / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        packages = next((environment / "lib").glob("*/site-packages"))
        (packages / "both.pth").write_text(f"{self._product}\n{sysconfig.get_path('purelib')}\n")
        program = environment / "bin" / "coord"
        program.write_text(
            f"#!{environment}/bin/python\nimport sys\nfrom coordination.cli import main\n"
            'if __name__ == "__main__":\n    sys.exit(main())\n'
        )
        program.chmod(0o755)
        (environment / ".python").write_text(f"{self._product}\n")
        (environment / ".runtime").touch()


@pytest.fixture
def reader(tmp_path: Path) -> Generator[Reader]:
    with Installation(tmp_path) as installation:
        yield Reader(tmp_path, installation)


def test_every_command_of_the_page_leads_back_and_forward_again(reader: Reader) -> None:
    reader.plays(steps(""))
    reader.types("make up")
    reader.fills_a_session()
    offered = reader.call("impl_a", "sync_progress")["next_task"]["task_id"]
    assert offered in {"x", "y"}
    before = reader.record()
    assert [path for path, *_ in before["locks"]] == ["a.py", "b"]
    assert reader.plan().startswith("Plan 1 of session demo: 2 tasks")

    alone = steps("The code alone")
    forward = place(alone, "coord down", 1)
    reader.plays(alone[:forward])
    assert reader.health == ("degraded", "ahead", NEW)
    assert "schema_ahead_of_release" in reader.log()
    assert reader.record() == before
    reader.plays(alone[forward : forward + 1])
    refused = reader.types(f"coord migrate --to {OLD} --yes", expected=1)
    assert REFUSED in refused
    assert REFUSED in PAGE
    reader.plays(alone[forward + 1 :])
    assert reader.health == ("ok", "current", NEW)
    assert reader.record() == before
    assert reader.plan().startswith("Plan 1 of session demo: 2 tasks")

    both = steps("Code and schema")
    forward = place(both, "coord down", 1)
    reader.types(f"coord migrate --to {OLD}", expected=1)
    reader.plays(both[:forward])
    assert reader.health == ("ok", "current", OLD)
    assert reader.record() == before
    reader.plays(steps("See that it worked"))
    reader.plays(both[forward:])
    assert reader.health == ("ok", "current", NEW)
    assert reader.record() == before
    assert "has no plan yet" in reader.plan(expected=4)
    assert reader.call("impl_a", "sync_progress")["next_task"]["task_id"] == offered
