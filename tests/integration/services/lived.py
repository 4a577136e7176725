"""A workspace's life: every use case is called in it, and what each was told is noted.

A workspace that is alone and one beside a furnished one (`tenants.py`) must be told the same.
"""

from collections.abc import Awaitable, Iterator
from typing import Any

from coordination.domain.agent import Agent
from coordination.domain.errors import CoordinationError
from coordination.domain.identity import Identity
from coordination.domain.path import normalise_all
from coordination.domain.session import AcrossCheckouts, SessionState
from coordination.domain.task import Report, TaskStatus
from coordination.services import agent as agents
from coordination.services import event, file_index, file_lock, plan, session, task
from coordination.services.core import Core
from coordination.store import file_lock as store
from tests.integration.services.tenants import (
    ANALYSIS,
    CHECKOUTS,
    WAITING,
    add_to_index,
    fall_silent,
    hand_out,
    index,
    pending,
    plain,
)
from tests.integration.store.steps import READ, agent, wanted

Notes = dict[str, Any]
Calls = Iterator[tuple[str, Awaitable[object]]]


async def lived(core: Core, workspace: str, *, token: int = 1, request: str = "none") -> Notes:
    """Call every use case in a workspace in which nothing happened yet, and note what each was told.

    Args:
        core: the shared parts.
        workspace: which one.
        token: a fencing token of another workspace, or one that nobody has.
        request: the request of a claim in another workspace, or one that nobody made.
    """
    life = _Life(core, workspace, token, request)
    told: Notes = {}
    for part in (
        life.unknown,
        life.claims,
        life.queue,
        life.checkouts,
        life.tasks,
        life.plans,
        life.index,
        life.messages,
        life.persons,
    ):
        for name, call in part():
            assert name not in told
            try:
                told[name] = plain(await call)
            except CoordinationError as error:
                told[name] = plain([error.code, error.message, error.next_call, error.details])
    return told


class _Life:
    """The calls, in the order in which they are made; each part goes on where the one before ended."""

    def __init__(self, core: Core, workspace: str, token: int, request: str) -> None:
        self.core, self.workspace, self.token, self.request = core, workspace, token, request
        self.a, self.b, self.c = (self.who(name) for name in ("impl_a", "impl_b", "impl_c"))

    def who(self, name: str, *, session: str = "demo", checkout: str = "") -> Agent:
        return agent(name, workspace=self.workspace, session=session, checkout=checkout)

    def claim(self, who: Agent, *paths: str, **how: Any) -> Awaitable[object]:
        return file_lock.claim(self.core, who, wanted(*paths, **how))

    def wait(self, who: Agent, *paths: str) -> Awaitable[object]:
        return file_lock.claim(self.core, who, wanted(*paths), wait_seconds=WAITING)

    def sync(
        self, who: Agent, task_id: str | None = None, status: TaskStatus | None = None
    ) -> Awaitable[object]:
        return task.sync(self.core, who, Report(task_id=task_id, status=status))

    def status(self, name: str, who: str | None = None) -> Awaitable[object]:
        return agents.read_status(self.core, self.workspace, name, agent=who, include_inactive=True)

    def configure(
        self, name: str, status: SessionState | None, across_checkouts: AcrossCheckouts | None = None
    ) -> Awaitable[object]:
        return session.configure(
            self.core, self.workspace, name, "eve", status=status, across_checkouts=across_checkouts
        )

    def revoke(self, name: str, paths: list[str] | None = None, who: str | None = None) -> Awaitable[object]:
        return file_lock.revoke(self.core, self.workspace, name, "eve", paths, who)

    def post(self, name: str, to: list[str] | None) -> Awaitable[object]:
        return task.send_message(self.core, self.workspace, name, "eve", "hello", to)

    def unknown(self) -> Calls:
        """What is asked of sessions and leases that this workspace does not have."""
        for name in ("demo", "theirs", "nowhere"):
            yield f"status of {name}", self.status(name)
            yield f"events of {name}", event.read_events(self.core, self.workspace, name, 0, 100)
            yield f"agents of {name}", agents.list_agents(self.core, self.workspace, name, None, 100)
            yield f"agent of {name}", agents.read_agent(self.core, self.workspace, name, "alice/carol")
            yield f"tasks of {name}", task.list_tasks(self.core, self.workspace, name, limit=100)
            yield f"task of {name}", task.read_task(self.core, self.workspace, name, "t4")
            yield f"plans of {name}", plan.list_plans(self.core, self.workspace, name, 0, 100)
            yield f"plan of {name}", plan.read_revision(self.core, self.workspace, name, 1)
            yield f"analysis of {name}", plan.read(self.core, self.workspace, name, ANALYSIS)
            yield from self.index_of(name)
            yield f"messages of {name}", task.list_messages(self.core, self.workspace, name, 0, 100)
            yield f"locks of {name}", file_lock.list_locks(self.core, self.workspace, name, None, 100)
            yield f"message to {name}", self.post(name, None)
            yield f"revoke in {name}", self.revoke(name)
            yield f"close {name}", self.configure(name, SessionState.CLOSED)
        yield "sessions", session.list_sessions(self.core, self.workspace, None, 100)
        paths = normalise_all(["lib/x.py"])
        for verb, call in (("renew", self.renew), ("release", self.release)):
            yield f"{verb} what another has", call(paths)
            yield f"{verb} it by its token", call(paths, [self.token])
            yield f"{verb} all", call(None)

    def index_of(self, name: str) -> Calls:
        """What can be asked of a session's index, and done to it; another workspace refreshes one for a second time."""
        core, workspace, where = self.core, self.workspace, CHECKOUTS[1]
        yield f"indexes of {name}", file_index.list_indexes(core, workspace, name, None, 100)
        yield f"known files of {name}", file_index.known(core, workspace, name, where, "", 100)
        yield f"index of {name}", file_index.read(core, workspace, name, where)
        yield f"add to the index of {name}", add_to_index(core, workspace, name, 2, {"c.py": "2"})
        yield (
            f"finish the index of {name}",
            file_index.finish(core, workspace, name, where, 2, 0, "c0ffee", "all"),
        )
        yield f"begin an index of {name}", file_index.begin(core, workspace, name, where)

    def renew(self, paths: Any, tokens: list[int] | None = None) -> Awaitable[object]:
        return file_lock.renew(self.core, self.a, paths, 3000, tokens)

    def release(self, paths: Any, tokens: list[int] | None = None) -> Awaitable[object]:
        return file_lock.release(self.core, self.a, paths, tokens)

    def claims(self) -> Calls:
        yield "claim", self.claim(self.a, "src/a.py", "lib/x.py", "b.py")
        yield "claim what another lost", self.claim(self.a, "old.py")
        yield "claim what another has something below", self.claim(self.a, "low")
        yield "claim again, for longer", self.claim(self.a, "src/a.py", "lib/x.py", minutes=50)
        yield "read", self.claim(self.a, "r.py", operation=READ)
        yield "upgrade", self.claim(self.a, "r.py")
        yield "read what another writes", self.claim(self.b, "src/deep/r.py", operation=READ)
        yield "claim what is held", self.claim(self.b, "src/a.py")
        yield "give back another's", store.cancel_wait(self.core.database, self.a, self.request)
        yield "renew own", self.renew(normalise_all(["lib/x.py"]))
        yield "release own", self.release(normalise_all(["lib/x.py"]))
        yield "locks", file_lock.list_locks(self.core, self.workspace, "demo", None, 100)

    def queue(self) -> Calls:
        yield "wait", self.wait(self.b, "src/a.py")
        yield "wait again", self.wait(self.b, "src/a.py")
        yield "hold and wait", self.wait(self.a, "src/deep")
        yield "claim behind a waiter", self.claim(self.c, "src")
        yield "claim beside the waiters", self.claim(self.c, "lib/y.py")
        yield "wait for a folder", self.wait(self.b, "lib")
        yield "hold for a circle", self.claim(self.c, "circle.py")
        yield "one half of a circle", self.wait(self.a, "circle.py")
        yield "a circle", self.wait(self.c, "b.py")
        yield "status with waiters", self.status("demo")
        yield "ends", self.core.database.fetch_json(store.EXPIRE, self.workspace, "demo")

    def checkouts(self) -> Calls:
        here, there = CHECKOUTS[1], CHECKOUTS[6]
        a = self.who("impl_a", session="strict", checkout=here)
        b = self.who("impl_b", session="strict", checkout=there)
        yield "join with a checkout", agents.join(self.core, a)
        yield "claim here", self.claim(a, "s.py")
        yield "claim there", self.claim(b, "s.py", "t.py")
        yield "claim across", self.claim(a, "t.py")
        yield "status across", self.status("strict")
        block = AcrossCheckouts.BLOCK
        yield "block with overlaps", self.configure("strict", None, block)
        yield (
            "take a checkout along",
            agents.join(self.core, self.who("impl_b", session="other", checkout=here)),
        )
        yield "claim alone", self.claim(self.who("impl_a", session="open", checkout=CHECKOUTS[0]), "m.py")
        yield "block without overlaps", self.configure("open", None, block)
        for name in ("impl_a", "impl_b"):
            yield f"{name} joins", agents.join(self.core, self.who(name, session="shut"))
        silent = self.a
        for name, where in (("gone", CHECKOUTS[4]), ("quiet", CHECKOUTS[5])):
            silent = self.who("silent", session=name, checkout=where)
            yield f"work in {name}", agents.join(self.core, silent)
            if name == "gone":
                yield "end it", self.configure("gone", SessionState.CLOSED)
            else:
                yield "fall silent", fall_silent(self.core.database, silent)
            yield (
                f"go on after {name}",
                agents.join(self.core, self.who("impl_a", session="after", checkout=where)),
            )
        yield "be seen again", self.seen(silent)

    def tasks(self) -> Calls:
        started, completed = TaskStatus.STARTED, TaskStatus.COMPLETED
        silent = self.who("silent")
        yield "first sync", self.sync(self.a)
        yield "take", self.sync(self.a, "t1", started)
        yield "claim for a task", self.claim(self.a, "task.py")
        yield "go on", self.sync(self.a, "t2", TaskStatus.IN_PROGRESS)
        yield "taken", self.sync(self.b, "t1", started)
        yield "plan", pending(self.core.database, self.workspace, "t8", "later", self.b.id, "t6")
        yield "take the dependency", self.sync(self.b, "t6", started)
        yield "complete the dependency", self.sync(self.b, "t6", completed)
        yield "what is next", self.sync(self.b)
        yield "complete", self.sync(self.a, "t1", completed)
        yield "closed", self.sync(self.b, "t1", TaskStatus.BLOCKED)
        yield "take and fall silent", self.sync(silent, "t9", started)
        yield "silence", fall_silent(self.core.database, silent)
        yield "take over", self.sync(self.a, "t9", started)
        yield "claim without a task", self.claim(self.b, "free.py", "seen.py")
        yield "no news of others' files", self.sync(self.a)
        yield "take what another workspace's agent has", self.sync(self.a, "t3", started)
        yield "all tasks", task.list_tasks(self.core, self.workspace, "demo", limit=100)
        yield "one task", task.read_task(self.core, self.workspace, "demo", "t1")

    def plans(self) -> Calls:
        planner = self.who("planner", session="planned")
        yield "hand out", hand_out(self.core, planner)
        yield "the plan", plan.latest(self.core, self.workspace, "planned")
        yield "all plans", plan.list_plans(self.core, self.workspace, "planned", 0, 100)
        yield "a later plan", plan.read_revision(self.core, self.workspace, "planned", 2)
        yield "hand out again", hand_out(self.core, planner)
        yield "the second plan", plan.latest(self.core, self.workspace, "planned")

    def index(self) -> Calls:
        def refresh(**digests: str) -> Awaitable[object]:
            named = {f"{name}.py": digest for name, digest in digests.items()}
            return index(self.core, self.workspace, "indexed", named, files=2)

        yield "join to index", agents.join(self.core, self.who("planner", session="indexed"))
        yield "refresh", refresh(a="3", b="3")
        yield "refresh a part", refresh(a="4")
        yield "refresh all", refresh(a="5", b="5")
        where = (self.core, self.workspace, "indexed", CHECKOUTS[1])
        yield "the index", file_index.read(*where)
        yield "its files", file_index.known(*where, "", 100)

    def messages(self) -> Calls:
        async def read() -> object:
            synced = await task.sync(self.core, self.b, Report())
            await task.confirm_news(self.core, self.b, synced.news.cursor)
            return synced

        yield "to a stranger", task.sync(self.core, self.a, Report(message="hello", to=("carol",)))
        yield "a person to a stranger", self.post("demo", ["carol"])
        yield "to one", task.sync(self.core, self.a, Report(message="hello", to=("impl_b",)))
        yield "to all", self.post("demo", None)
        yield "all messages", task.list_messages(self.core, self.workspace, "demo", 0, 100)
        yield "news", read()
        yield "news again", self.sync(self.b)

    def persons(self) -> Calls:
        yield "presence", self.seen(self.who("impl_a", checkout=CHECKOUTS[6]))
        yield "one agent", self.status("demo", "carol")
        yield "all agents", agents.list_agents(self.core, self.workspace, "demo", None, 100)
        yield "revoke a path", self.revoke("demo", ["lib/y.py"])
        yield "revoke of an agent", self.revoke("demo", None, "alice/impl_a")
        yield "revoke all", self.revoke("demo")
        yield "close", self.configure("demo", SessionState.CLOSED)
        for name in ("demo", "open", "quiet", "after", "shut"):
            yield f"status of {name} at the end", self.status(name)
            yield f"all events of {name}", event.read_events(self.core, self.workspace, name, 0, 1000)
        yield "all sessions", session.list_sessions(self.core, self.workspace, None, 100)
        deletion = "DELETE FROM claude_code_sessions WHERE workspace_id = $1"
        yield "delete all", self.core.database.fetch(deletion, self.workspace)

    async def seen(self, who: Agent) -> object:
        """Hear of an agent, and answer with the other places that used its name."""
        core, role = self.core, who.role
        core.presence.called(
            Identity(
                who.workspace, who.user, who.session, who.name, role, who.client, who.checkout, terminal="1"
            )
        )
        await core.presence.flush()
        return core.presence.other_places(self.who(who.name, session=who.session, checkout=CHECKOUTS[2]))
