"""What the log is told when a credential does not work, or was used for what it is not for, on whichever way.

Such requests are counted by the code of their answer, like every refusal (`transport.measured`). No secret is told, and
no more of what was asked for than the refusal says itself.
"""

from typing import Final

import structlog
from starlette.types import Scope

from coordination.domain.errors import Forbidden
from coordination.transport.auth import principal_if_any

_log: Final = structlog.stdlib.get_logger(__name__)


def tell_refused(scope: Scope, why: str) -> None:
    """Tell that a request carried no credential that works, and why."""
    _log.warning("credential_refused", why=why, peer=_peer(scope))


def tell_forbidden(scope: Scope, error: Forbidden) -> None:
    """Tell whose credential was used for what it is not for."""
    principal = principal_if_any(scope)
    who = (
        {}
        if principal is None
        else {"workspace": principal.workspace, "user": principal.user, "token": principal.token_id}
    )
    _log.warning("credential_forbidden", why=error.message, peer=_peer(scope), **who)


def _peer(scope: Scope) -> str:
    host, port = scope.get("client") or ("unknown", 0)
    return f"{host}:{port}"
