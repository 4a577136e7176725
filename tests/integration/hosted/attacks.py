"""For each route of the HTTP API: requests that name what another workspace has, wherever they can name anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from tests.integration.hosted.neighbours import Ids

API: Final = "/api/v1"


@dataclass(frozen=True)
class Attack:
    """One request: its path below the API, what it sends, and what it asks in the query."""

    path: str
    body: dict[str, Any] | None = None
    query: dict[str, Any] | None = None


Attacks = Callable[[str, Ids], list[Attack]]
"""From who asks, and what it names."""


def _sessions(below: str = "", *items: str, **query: Any) -> Attacks:
    """Ask for the other's session, and in the shared name's session for the other's items."""

    def attacks(_: str, ids: Ids) -> list[Attack]:
        named = {
            "word": ids.word,
            "analysis": ids.analysis,
            "lease": ids.lease,
            "agent": f"alice%2F{ids.word}",
        }
        asked = {key: value.format(**named) for key, value in query.items()}
        paths = [below.format(item=item.format(**named)) for item in items] or [below]
        return [
            Attack(f"/sessions/{session}{path}", query=asked)
            for path in paths
            for session in (ids.word, "demo")
        ]

    return attacks


def _acts(below: str, **body: Any) -> Attacks:
    """Act in the other's session, and in the shared name's with the other's things."""

    def attacks(me: str, ids: Ids) -> list[Attack]:
        sent = {"agent": f"{me}/impl_a", **_named(body, ids)}
        return [Attack(f"/sessions/{session}{below}", sent) for session in (ids.word, "demo")]

    return attacks


def _sends(below: str, **body: Any) -> Attacks:
    """Send, as a person, to the other's session and to the shared name's with the other's things."""

    def attacks(me: str, ids: Ids) -> list[Attack]:
        sent = {name: me if value == "{me}" else value for name, value in _named(body, ids).items()}
        return [Attack(f"/sessions/{session}{below}", sent) for session in (ids.word, "demo")]

    return attacks


def _named(value: Any, ids: Ids) -> Any:
    """Put the names in, wherever they belong."""
    if isinstance(value, dict):
        return {key: _named(part, ids) for key, part in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_named(part, ids) for part in cast("list[Any]", value)]
    if value == "{lease}":
        return ids.lease
    if value == "{refresh}":
        return ids.refresh
    if isinstance(value, str) and value != "{me}":
        return (
            value.replace("{word}", ids.word).replace("{analysis}", ids.analysis).replace("{code}", ids.code)
        )
    return value


def _plainly(*paths: str, body: dict[str, Any] | None = None) -> Attacks:
    def attacks(_: str, ids: Ids) -> list[Attack]:
        named = {"word": ids.word, "token": ids.token, "invitation": ids.invitation}
        return [Attack(path.format(**named), _named(body, ids)) for path in paths]

    return attacks


def _events(_: str, ids: Ids) -> list[Attack]:
    return [
        Attack("/events", query={"session": [ids.word]}),
        Attack("/events", query={"session": ["demo", ids.word]}),
        Attack("/events", query={"session": [ids.word], "after": f"{ids.word}:1"}),
    ]


_LEASES: Final = [{"path": "{word}.py", "fencing_token": "{lease}"}]
_FILES: Final = [{"path": "{word}.py", "digest": "ab"}]
_S: Final = "/api/v1/sessions/{session}"
ROUTES: Final[dict[tuple[str, str], Attacks]] = {
    ("GET", f"{API}/sessions"): lambda _, ids: [
        Attack("/sessions"),
        Attack("/sessions", query={"after": ids.word}),
        Attack("/sessions", query={"after": ids.word[:-1], "limit": 1}),
    ],
    ("GET", _S): _sessions("", agent="{word}", include_inactive="true"),
    ("GET", f"{_S}/agents"): _sessions("/agents", after="alice/{word}"),
    ("GET", f"{_S}/agents/{{agent_id}}"): _sessions("/agents/{item}", "{agent}"),
    ("GET", f"{_S}/locks"): _sessions("/locks", after="{word}.py"),
    ("GET", f"{_S}/tasks"): _sessions("/tasks", agent="alice/{word}", after="{word}"),
    ("GET", f"{_S}/tasks/{{task_id}}"): _sessions("/tasks/{item}", "{word}"),
    ("GET", f"{_S}/plans"): _sessions("/plans"),
    ("GET", f"{_S}/plans/{{revision}}"): _sessions("/plans/{item}", "1", "77"),
    ("GET", f"{_S}/plan"): _sessions("/plan"),
    ("GET", f"{_S}/prompt"): _sessions("/prompt", agent="{word}"),
    ("GET", f"{_S}/analyses/{{analysis_id}}"): _sessions("/analyses/{item}", "{analysis}"),
    ("GET", f"{_S}/messages"): _sessions("/messages"),
    ("GET", f"{_S}/index"): _sessions("/index"),
    ("GET", f"{_S}/index/files"): _sessions("/index/files", checkout="aaaaaaaaaaaa", after="{word}"),
    ("GET", f"{_S}/events"): _sessions("/events"),
    ("GET", f"{API}/events"): _events,
    ("GET", f"{API}/login"): _plainly("/login"),
    ("GET", f"{API}/me"): _plainly("/me"),
    ("GET", f"{API}/tokens"): _plainly("/tokens"),
    ("GET", f"{API}/workspaces"): _plainly("/workspaces"),
    ("GET", f"{API}/members"): _plainly("/members"),
    ("GET", f"{API}/invitations"): _plainly("/invitations"),
    ("PATCH", _S): _sends("", status="closed"),
    ("POST", f"{_S}/agents"): _acts("/agents"),
    ("DELETE", f"{_S}/agents"): _acts("/agents", why="left"),
    ("POST", f"{_S}/locks/claim"): _acts("/locks/claim", paths=["{word}.py"], task_id="{word}"),
    ("POST", f"{_S}/locks/renew"): _acts("/locks/renew", leases=_LEASES),
    ("POST", f"{_S}/locks/release"): _acts("/locks/release", leases=_LEASES),
    ("POST", f"{_S}/locks/revoke"): _sends("/locks/revoke", paths=["{word}.py"]),
    ("POST", f"{_S}/sync"): _acts("/sync", task_id="{word}", status="started", message="mine now"),
    ("POST", f"{_S}/news/confirm"): _acts("/news/confirm", cursor=1),
    ("POST", f"{_S}/plans"): _acts("/plans", analysis_id="{analysis}"),
    ("POST", f"{_S}/planner"): _sends("/planner", agent="alice/{word}"),
    ("DELETE", f"{_S}/planner"): _sends("/planner", agent="alice/{word}"),
    ("POST", f"{_S}/analyses"): _acts("/analyses", tasks=["change {word}.py"]),
    ("POST", f"{_S}/messages"): _sends("/messages", text="hello", to=["alice/{word}"], sender="{me}"),
    ("POST", f"{_S}/index/files"): _sends(
        "/index/files", checkout="aaaaaaaaaaaa", refresh="{refresh}", files=_FILES
    ),
    ("POST", f"{_S}/index/begin"): _sends("/index/begin", checkout="bbbbbbbbbbbb"),
    ("POST", f"{_S}/index/finish"): _sends(
        "/index/finish", checkout="cccccccccccc", refresh="{refresh}", files=1, fingerprint="ab"
    ),
    ("POST", f"{API}/bootstrap"): _plainly("/bootstrap", body={"user": "{word}"}),
    ("POST", f"{API}/tokens"): _plainly("/tokens", body={"user": "{word}"}),
    ("DELETE", f"{API}/tokens/{{token_id}}"): _plainly("/tokens/{token}"),
    ("POST", f"{API}/workspaces"): _plainly("/workspaces", body={"name": "{word}"}),
    ("PATCH", f"{API}/members/{{user}}"): _plainly("/members/{word}", body={"role": "viewer"}),
    ("DELETE", f"{API}/members/{{user}}"): _plainly("/members/{word}"),
    ("POST", f"{API}/members"): _plainly("/members", body={"user": "{word}"}),
    ("POST", f"{API}/invitations"): _plainly("/invitations", body={"user": "{word}2"}),
    ("DELETE", f"{API}/invitations/{{invitation_id}}"): _plainly("/invitations/{invitation}"),
    ("POST", f"{API}/memberships"): _plainly("/memberships", body={"code": "{code}"}),
}
