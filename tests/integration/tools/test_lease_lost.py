"""What an agent is told to do next when leases that it named are not its own, or not any more."""

import pytest

from coordination.store.database import Database
from tests.integration.store.steps import expire, leases
from tests.integration.tools.endpoint import Answer, Endpoint
from tests.unit.docs.page import Call, call_of

LONGEST_CALL = 400
"""Characters of a next call: an agent reads it again with each answer."""


def next_call(answer: Answer) -> Call:
    """The call that a lost lease is answered with, which its words repeat."""
    assert (answer.is_error, answer.content["code"]) == (True, "lease_lost")
    said = answer.content["next_call"]
    assert said in answer.text
    assert len(said) <= LONGEST_CALL
    return call_of(said)


@pytest.mark.parametrize(("action", "done"), [("renew", "renewed"), ("release", "released")])
async def test_what_is_still_held_is_renewed_or_released_by_the_next_call(
    mcp: Endpoint, database: Database, action: str, done: str
) -> None:
    await mcp.claim("impl_a", "Lost.py", "Kept.py")
    await expire(database, "lost.py")
    refused = await mcp.claim("impl_a", "Lost.py", "Kept.py", action=action)
    assert await leases(database) == [("alice/impl_a", "Kept.py", "write")]
    again = next_call(refused)
    assert again == Call("claim_file_lock", {"action": action, "file_paths": ["Kept.py"]})
    answer = await mcp.call("impl_a", again.tool, again.arguments)
    assert answer.content["outcome"] == done
    assert [lock["path"] for lock in answer.content["locks"]] == ["Kept.py"]


@pytest.mark.parametrize("path", [".", "Src/App.py"])
async def test_what_is_lost_altogether_is_claimed_again_as_the_agent_spells_it(
    mcp: Endpoint, database: Database, path: str
) -> None:
    await mcp.claim("impl_a", path)
    await expire(database, "" if path == "." else path.lower())
    again = next_call(await mcp.claim("impl_a", path, action="renew"))
    assert again == Call("claim_file_lock", {"file_paths": [path]})
    answer = await mcp.call("impl_a", again.tool, again.arguments)
    assert [lock["path"] for lock in answer.content["locks"]] == [path]


LONG = [f"src/{'very_' * 12}long_folder/{number:02}.py" for number in range(60)]


@pytest.mark.parametrize(("action", "done"), [("renew", "renewed"), ("release", "released")])
async def test_of_many_long_paths_the_next_call_names_some_and_none_that_was_not_named(
    mcp: Endpoint, database: Database, action: str, done: str
) -> None:
    await mcp.claim("impl_a", "unnamed.py", *LONG)
    await expire(database, LONG[0])
    again = next_call(await mcp.claim("impl_a", *LONG, action=action))
    answer = await mcp.call("impl_a", again.tool, again.arguments)
    assert answer.content["outcome"] == done
    paths = [lock["path"] for lock in answer.content["locks"]]
    assert paths == LONG[1 : 1 + len(paths)]
    assert paths


async def test_of_many_long_paths_that_are_lost_the_first_are_claimed_again(
    mcp: Endpoint, database: Database
) -> None:
    await mcp.claim("impl_a", *LONG)
    await expire(database, *LONG)
    again = next_call(await mcp.claim("impl_a", *LONG, action="renew"))
    answer = await mcp.call("impl_a", again.tool, again.arguments)
    assert answer.content["outcome"] == "granted"
