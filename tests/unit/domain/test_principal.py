"""What a principal may do: the lesser of what the credential is for and of what the member's role allows."""

import pytest

from coordination.domain.errors import Forbidden
from coordination.domain.principal import SCOPES, Principal, Scope


@pytest.mark.parametrize(
    ("member", "allowed"),
    [("owner", set(SCOPES)), ("member", set(SCOPES)), ("viewer", {"read", "manage"})],
)
def test_a_role_bounds_what_a_credential_for_everything_allows(member: str, allowed: set[Scope]) -> None:
    principal = Principal("team", "alice", member=member)  # pyright: ignore[reportArgumentType]  one of the roles
    assert {scope for scope in SCOPES if principal.may(scope)} == allowed


def test_a_credential_bounds_what_a_role_allows() -> None:
    principal = Principal("team", "alice", member="owner", scopes=frozenset({"read"}))
    assert [scope for scope in SCOPES if principal.may(scope)] == ["read"]
    assert not principal.owns


def test_a_viewer_is_told_why() -> None:
    with pytest.raises(Forbidden, match="a viewer may only read"):
        Principal("team", "alice", member="viewer").require("write")
