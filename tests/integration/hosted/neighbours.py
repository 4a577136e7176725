"""A hosted service with two workspaces of the same names, of which one has things that the other must not learn of.

`local` is the attackers'. `red` is their neighbour: it has what a furnished workspace has, and beside it things whose
names hold a word that is nowhere else. Whoever is told that word was told of red.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from coordination.domain.file_lock import Granted
from coordination.domain.path import normalise
from coordination.domain.plan.task import PlannedTask
from coordination.domain.principal import Principal
from coordination.domain.task import Report, TaskStatus
from coordination.services import agent as agents
from coordination.services import agent_token, file_lock, invitation, plan, task, workspace
from coordination.services.core import Core
from coordination.store.database import Database
from tests.integration.hosted.team import Hosted, hosted
from tests.integration.services.tenants import furnish, rows
from tests.integration.store.steps import agent, wanted

WORD: Final = "zanzibar"
"""What red alone knows."""
NOWHERE: Final = ("xanzibar", "yanzibar")
"""What nobody knows; as long."""
RED: Final = Principal("red", "alice", member="owner", credential="person")
_DAY: Final = timedelta(days=1)
_MADE: Final = (
    "INSERT INTO workspaces (id, name, created_at) VALUES ('red', 'zanzibar', now())",
    "INSERT INTO workspace_members (workspace_id, user_id, role, joined_at)"
    " VALUES ('red', 'alice', 'owner', now()), ('red', 'zanzibar', 'member', now()), ('red', 'bob', 'member', now())",
)
_OF_THE_TEAM: Final = ("workspace_members", "workspace_invitations", "agent_tokens")


@dataclass(frozen=True)
class Ids:
    """What a request names: red's, or what is nowhere and looks the same."""

    word: str
    analysis: str
    token: str
    invitation: str
    lease: int
    refresh: int
    code: str

    def hidden(self, text: str) -> str:
        """A text without what the request named."""
        for name in (self.word, self.analysis, self.token, self.invitation, self.code, str(self.lease)):
            text = text.replace(name, "ID")
        return text


@dataclass
class Neighbours:
    """The service, how to name red's things and (twice) no things, and the attackers' credentials by what they are."""

    team: Hosted
    reds: Ids
    nobodys: Ids
    first: Ids
    red_secret: str
    secrets: dict[str, str]

    @property
    def core(self) -> Core:
        return self.team.core

    async def red_rows(self) -> dict[str, list[str]]:
        """Everything that red has."""
        return await rows(self.core.database, "red") | await team_rows(self.core.database, "red")


async def team_rows(database: Database, of: str) -> dict[str, list[str]]:
    """The members, invitations and tokens of a workspace, but when tokens were used."""
    found: dict[str, list[str]] = {}
    for table in _OF_THE_TEAM:
        statement = (
            f"SELECT (to_jsonb(r) - 'last_used_at')::text FROM {table} r WHERE workspace_id = $1 ORDER BY 1"  # noqa: S608 - constants above
        )
        found[table] = [row[0] for row in await database.fetch(statement, of)]
    return found


@contextlib.asynccontextmanager
async def neighbours(dsn: str, folder: Path) -> AsyncGenerator[Neighbours]:
    """Run the service with both workspaces."""
    async with hosted(dsn, folder) as team:
        await furnish(team.core, "local")
        await furnish(team.core, "red")
        reds, secret = await _secrets_of_red(team.core)
        nobodys, first = (_unlike(reds, word, by) for by, word in enumerate(NOWHERE, 1))
        yield Neighbours(team, reds, nobodys, first, secret, await _credentials(team))


def _unlike(reds: Ids, word: str, by: int) -> Ids:
    """Names that nobody has, of the same form."""
    letters = "ab"[by - 1]
    analysis, token, invitation, code = (
        known[:-6] + letters * 6 for known in (reds.analysis, reds.token, reds.invitation, reds.code)
    )
    return Ids(word, analysis, token, invitation, reds.lease + by * 10**6, reds.refresh, code)


async def _secrets_of_red(core: Core) -> tuple[Ids, str]:
    for statement in _MADE:
        await core.database.fetch(statement)
    lease = 0
    analysis = ""
    for session in ("demo", WORD):
        who = agent(WORD, workspace="red", session=session)
        planner = agent("planner", workspace="red", session=session)
        await agents.join(core, who)
        await agents.join(core, planner)
        granted = await file_lock.claim(core, who, wanted(f"{WORD}.py"))
        assert isinstance(granted, Granted)
        lease = granted.granted_tokens[0]
        await task.sync(core, who, Report(task_id=WORD, status=TaskStatus.STARTED, message=WORD))
        kept = await plan.analyse(core, planner, [PlannedTask(WORD, WORD, (normalise(f"{WORD}.py"),))])
        await task.sync(core, who, Report(message=WORD, to=("planner",)))
        analysis = kept.id
    secret, token = await agent_token.create(
        core, RED, scopes=("read", "write", "manage"), label=WORD, days=None
    )
    code, invited = await invitation.invite(core, RED, "carol", "member", 7)
    await invitation.withdraw(core, RED, invited.id)
    _, still = await invitation.invite(core, RED, f"{WORD}2", "member", 7)
    assert await workspace.list_members(core, RED)
    return Ids(WORD, analysis, token.id, still.id, lease, 2, code), secret


async def _credentials(team: Hosted) -> dict[str, str]:
    """One secret of each kind that somebody of `local` may have; those that do not work too."""
    revoked, expired = await team.new_token(), await team.new_token()
    await team.got(team.owner, "DELETE", f"/tokens/{revoked['token']['id']}")
    await team.core.database.fetch(
        "UPDATE agent_tokens SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1",
        expired["token"]["id"],
    )
    return {
        "owner": team.owner,
        "member": await team.member("bob"),
        "viewer": await team.member("hal", role="viewer"),
        "an agent's": await team.token(session="demo", agent="impl_a"),
        "a session's": await team.token(session="demo"),
        "a reader's": await team.token(scopes=["read"]),
        "an API key": await team.token(),
        "revoked": revoked["secret"],
        "expired": expired["secret"],
    }
