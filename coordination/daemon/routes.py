"""Where a terminal's MCP connection leads: whose its requests are, at which service, and with what credential.

A terminal's own calls are its agent's in the session and the checkout of the folder that it was started in: paths in
them mean that one, wherever the terminal has joined first. A subagent has no connection
of its own; its calls are told by their ids, which their hooks announced.
"""

from collections.abc import Mapping

from coordination.client.channel import WORKSPACE_HEADER
from coordination.client.errors import ClientError
from coordination.daemon.connection import Found, ServiceAway
from coordination.daemon.link import Link
from coordination.daemon.membership import Membership
from coordination.daemon.state_file import StateUnusable
from coordination.daemon.terminals import Terminals
from coordination.daemon.upstream import Route
from coordination.domain.errors import CoordinationError, Forbidden, RetryLater
from coordination.repository.checkout import describe_checkout


class Routes:
    """Says whose MCP requests are.

    Args:
        link: the service.
        terminals: who works here.
        membership: who comes and goes.
    """

    def __init__(self, link: Link, terminals: Terminals, membership: Membership) -> None:
        self._link = link
        self._terminals = terminals
        self._membership = membership

    async def route(self, key: str, tool_use_id: str | None) -> Route | None:
        """Return where a request goes; None for one of no living terminal.

        Raises:
            CoordinationError: the service cannot say now who the terminal is, or does not let it join.
        """
        terminal = self._terminals.find(key) or self._membership.returned(key)
        if terminal is None:
            return None
        subagent = None if tool_use_id is None else terminal.calls.get(tool_use_id)
        try:
            agent = await self._terminals.agent(terminal, terminal.home, subagent)
        except ServiceAway as away:
            raise RetryLater(
                f"The coordination service cannot be reached now. Nothing was done. {away}"
            ) from away
        except StateUnusable as error:
            raise RetryLater(
                f"The coordination daemon cannot use its memory. Nothing was done. {error}"
            ) from error
        except ClientError as refusal:
            raise _told(refusal) from refusal
        found = self._link.service
        if found is None:
            raise RetryLater("The coordination service cannot be reached now. Nothing was done.")
        checkout = describe_checkout(terminal.home)
        return Route(found.url, agent.user, agent.session, agent.name, checkout, _credentials(found))


def _credentials(found: Found) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    token = found.token() if callable(found.token) else found.token
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    if found.workspace is not None:
        headers[WORKSPACE_HEADER] = found.workspace
    return headers


def _told(refusal: ClientError) -> CoordinationError:
    return Forbidden(
        f"The coordination service refuses this terminal: {refusal.message}", next_call=refusal.next_call
    )
