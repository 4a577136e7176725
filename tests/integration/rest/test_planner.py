"""The routes on the planner's role."""

from __future__ import annotations

from tests.integration.rest.api import Api

ROUTE = "/sessions/demo/planner"


async def test_the_role_is_taken_refused_and_given_back(api: Api) -> None:
    await api.join("impl_a", "impl_b")
    one, two = ({"agent": f"alice/{name}", "by": "bob"} for name in ("impl_a", "impl_b"))
    taken = await api.client.post(ROUTE, json=one)
    held: dict[str, object] = {
        "agent_id": "alice/impl_a",
        "role": "planner",
        "changed": True,
        "taken_from": [],
    }
    assert (taken.status_code, taken.json()) == (200, held)
    refused = await api.client.post(ROUTE, json=two)
    assert (refused.status_code, refused.json()["code"]) == (409, "role_taken")
    assert "alice/impl_a is the planner" in refused.json()["detail"]
    back = await api.client.request("DELETE", ROUTE, json=one)
    assert back.json() == held | {"role": "implementer"}
    roles = [found["role"] for found in (await api.get("/sessions/demo/agents")).json()["agents"]]
    assert roles == ["implementer", "implementer"]
    events = (await api.get("/sessions/demo/events")).json()["events"]
    assert [(one["kind"], one["agent_id"]) for one in events[-2:]] == [
        ("role.taken", "bob"),
        ("role.returned", "bob"),
    ]


async def test_whoever_is_called_planner_keeps_the_role_and_an_unknown_agent_is_not_found(api: Api) -> None:
    await api.join("planner")
    kept = await api.client.request("DELETE", ROUTE, json={"agent": "alice/planner"})
    assert (kept.json()["role"], kept.json()["changed"]) == ("planner", False)
    for method in ("POST", "DELETE"):
        answer = await api.client.request(method, ROUTE, json={"agent": "alice/nobody"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_whoever_took_the_role_may_plan_over_http_until_it_is_given_back(api: Api) -> None:
    await api.join("impl_a")
    one = {"agent": "alice/impl_a"}
    statuses: list[int] = []
    for method in (None, "POST", "DELETE"):
        if method is not None:
            assert (await api.client.request(method, ROUTE, json=one)).status_code == 200
        body = {**one, "tasks": ["Write the parser in src/parser.py"]}
        statuses.append((await api.client.post("/sessions/demo/analyses", json=body)).status_code)
    assert statuses == [403, 200, 403]
