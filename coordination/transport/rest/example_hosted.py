"""Examples of what a hosted service takes and answers beside what every service does; the story goes on in a team."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from coordination.transport.rest.story import Json

_AT: Final = "2026-11-20T09:00:00Z"
_UNTIL: Final = "2027-02-18T09:00:00Z"
_WORKSPACE: Final[Json] = {
    "id": "ws_5f1c0a9e7b3d2468",
    "name": "team",
    "user": "bob",
    "role": "member",
    "personal": False,
    "created_at": _AT,
}
_TOKEN: Final[Json] = {
    "id": "9f2b6c01d4e7",
    "user": "alice",
    "session": "demo",
    "agent": None,
    "role": None,
    "scopes": ["read", "write"],
    "label": "laptop",
    "created_by": "alice",
    "created_at": _AT,
    "expires_at": _UNTIL,
    "last_used_at": None,
}
_INVITATION: Final[Json] = {
    "id": "4be81f20c7aa",
    "user": "bob",
    "role": "member",
    "created_by": "alice",
    "created_at": _AT,
    "expires_at": "2026-11-27T09:00:00Z",
}
_MEMBERS: Final[list[Json]] = [
    {"user": "alice", "role": "owner", "logs_in": False, "joined_at": _AT},
    {"user": "bob", "role": "member", "logs_in": True, "joined_at": _AT},
]
_SHOWN_ONCE: Final = "coord_" + "x" * 43
_CODE: Final = "coord_invite_" + "x" * 43

BODIES: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "Bootstrap": {"user": "alice", "workspace_name": "team"},
        "TokenRequest": {"session": "demo", "label": "laptop"},
        "NewWorkspace": {"name": "team"},
        "NewMember": {"user": "bob", "role": "member"},
        "MemberChange": {"role": "viewer"},
        "NewInvitation": {"user": "bob", "role": "member", "days": 7},
        "Acceptance": {"code": _CODE},
    }
)
"""What is sent, by the name of its model."""

ANSWERS: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "LoginOffer": {
            "supabase_url": "https://ref.supabase.co",
            "supabase_key": "sb_publishable_example",
            "bootstrap": False,
        },
        "Bootstrapped": {"secret": _SHOWN_ONCE, "workspace": "local", "user": "alice"},
        "Me": {
            "workspace": "ws_5f1c0a9e7b3d2468",
            "workspace_name": "team",
            "user": "alice",
            "role": "owner",
            "scopes": ["read", "write"],
            "session": "demo",
            "agent": None,
            "agent_role": None,
            "token_id": "9f2b6c01d4e7",
        },
        "NewToken": {"secret": _SHOWN_ONCE, "token": _TOKEN, "workspace": "ws_5f1c0a9e7b3d2468"},
        "TokenList": {"tokens": [_TOKEN]},
        "TokenRevoked": {"id": "9f2b6c01d4e7"},
        "Workspace": _WORKSPACE,
        "WorkspaceList": {"workspaces": [_WORKSPACE]},
        "MemberList": {"members": _MEMBERS},
        "Left": {"user": "bob", "tokens_revoked": 2},
        "Invited": {"code": _CODE, "invitation": _INVITATION},
        "InvitationList": {"invitations": [_INVITATION]},
        "Withdrawn": {"id": "4be81f20c7aa"},
        "Accepted": {"workspace": _WORKSPACE, "secret": None},
    }
)
"""What is answered, by the name of its model."""
