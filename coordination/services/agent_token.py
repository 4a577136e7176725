"""Use cases on tokens: make, list, revoke. What somebody may make depends on what his own credential allows."""

import secrets
from typing import Final

import structlog

from coordination.domain.agent_token import TOKEN_PREFIX, AgentToken, digest
from coordination.domain.errors import Forbidden, InvalidInput, UnknownItem
from coordination.domain.identity import Role
from coordination.domain.principal import Principal, Scope
from coordination.services.core import Core
from coordination.store import agent_token as store
from coordination.store.agent_token import NewAgentToken

_DAY_SECONDS: Final = 86_400
_log: Final = structlog.stdlib.get_logger(__name__)


def new_secret(prefix: str = TOKEN_PREFIX) -> str:
    """Return a random text of 256 bits that nobody saw before."""
    return f"{prefix}{secrets.token_urlsafe(32)}"


def new_id() -> str:
    """Return what names a token or an invitation; no secret."""
    return secrets.token_hex(6)


async def create(
    core: Core,
    principal: Principal,
    *,
    user: str | None = None,
    session: str | None = None,
    agent: str | None = None,
    role: Role | None = None,
    scopes: tuple[Scope, ...],
    label: str = "",
    days: int | None,
) -> tuple[str, AgentToken]:
    """Make a token.

    Args:
        core: the shared parts.
        principal: who makes it.
        user: whose it is to be; None for the maker's own. Others' are the owner's to make.
        session: the one session that it is for; None for any.
        agent: the one agent that it is for; None for any.
        role: the role that it gives its agent, for good; None for that of the maker's credential, and where that has
            none the agent's name decides.
        scopes: what it is for; no more than the maker's credential is for.
        label: what people call it.
        days: how long it works; None for ever. It ends with the maker's own token at the latest.

    Returns:
        The secret, which nobody can be shown again, and what is known of the token.

    Raises:
        Forbidden: the maker may not make such a token.
        InvalidInput: the user is no member, or one who may not have such scopes.
        RetryLater: the database cannot answer now.
    """
    of = await _may_make(principal, user, scopes)
    secret = new_secret()
    new = NewAgentToken(
        id=new_id(),
        digest=digest(secret),
        user=of,
        session=session,
        agent=agent,
        role=_role(principal, role),
        scopes=tuple(dict.fromkeys(scopes)),
        label=label,
        seconds=None if days is None else days * _DAY_SECONDS,
    )
    token = await store.create(core.database, principal, new)
    if token is None:
        raise InvalidInput(
            "user: there is no such member, or one who may only look and asks for a token that writes.",
            next_call="coord workspace members",
        )
    _log.info("token_created", workspace=principal.workspace, token=token.id, user=of, by=principal.user)
    return secret, token


async def list_tokens(core: Core, principal: Principal) -> list[AgentToken]:
    """Read the tokens that work: one's own, and those of all members for an owner.

    Raises:
        Forbidden: the credential does not allow it.
        RetryLater: the database cannot answer now.
    """
    principal.require("manage")
    principal.require_unbound()
    return await store.tokens(core.database, principal.workspace, _whose(principal))


async def revoke(core: Core, principal: Principal, token_id: str) -> None:
    """Let a token work no more, everywhere within two seconds; a member's own, an owner's anybody's.

    Raises:
        Forbidden: the credential does not allow it.
        UnknownItem: there is no such token, or it is somebody else's.
        RetryLater: the database cannot answer now.
    """
    principal.require("manage")
    principal.require_unbound()
    if not await store.revoke(core.database, principal.workspace, token_id, _whose(principal)):
        raise UnknownItem("There is no such token.", next_call="coord token list")
    core.authentication.forget()
    _log.info("token_revoked", workspace=principal.workspace, token=token_id, by=principal.user)


async def _may_make(principal: Principal, user: str | None, scopes: tuple[Scope, ...]) -> str:
    """Return whose token it will be, if the principal may make it."""
    principal.require("manage")
    principal.require_unbound()
    of = principal.user if user is None else user
    if of is None:
        raise InvalidInput("user: say whose token it is to be.")
    if of != principal.user and not principal.owns:
        raise Forbidden("Only an owner makes tokens for others.", next_call="coord token create")
    for scope in scopes:
        if scope not in principal.scopes:
            raise Forbidden(
                f'The token would have the scope "{scope}", which your credential lacks.',
                next_call="coord whoami",
            )
    return of


def _role(principal: Principal, wanted: Role | None) -> Role | None:
    """Return the role that a token gives its agent: a credential that has one makes no token with another.

    Raises:
        Forbidden: another one is wanted.
    """
    if principal.role is None or wanted is None or wanted == principal.role:
        return principal.role or wanted
    raise Forbidden(f'Your credential gives the role "{principal.role}" alone.', next_call="coord whoami")


def _whose(principal: Principal) -> str | None:
    return None if principal.owns else principal.user
