"""Where a terminal's MCP connection leads: whose its requests are, at which service, and with what credential.

A terminal's own calls are its agent's in the session and the checkout of the folder that it was started in: paths in
them mean that one, wherever the terminal has joined first. A subagent has no connection
of its own; its calls are told by their ids, which their hooks announced.

When a conversation is resumed, Claude Code runs the first hook only once it is connected. So a new terminal joins under
the next free name, which is changed when the hook has said whose conversation it is (`terminals`). What is bound to a
name for longer, or does something under it, waits for that hook a while. When none comes, hooks are switched off there,
and the results of its calls say that nothing protects its edits.

The first hook of a terminal that began before the daemon did came to nobody: it may be what started the daemon. Of such
a terminal nothing is known until it is typed in. That its hooks are switched off shows when it calls a tool, because
the hook of a call comes before the call.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from coordination.client.channel import WORKSPACE_HEADER
from coordination.client.errors import ClientError
from coordination.daemon.connection import Found, ServiceAway
from coordination.daemon.link import Link
from coordination.daemon.membership import Membership
from coordination.daemon.state_file import StateUnusable
from coordination.daemon.terminals import Terminal, Terminals
from coordination.daemon.upstream import Route
from coordination.domain.errors import CoordinationError, Forbidden, RetryLater
from coordination.repository.checkout import describe_checkout
from coordination.repository.terminal import SAME_START_SECONDS

HOOK_SECONDS: Final = 2.0
"""How long a new terminal may take until its first hook has said which conversation it is."""
NO_HOOK_SECONDS: Final = 5.0
"""After so long without any hook, there are none in a terminal."""


class Routes:
    """Says whose MCP requests are.

    Args:
        link: the service.
        terminals: who works here.
        membership: who comes and goes.
        unheard: is told of each terminal, once, of which no hook comes.
        hooks_since: says since when hooks are taken, in seconds since 1970; infinity while they are not.
    """

    def __init__(
        self,
        link: Link,
        terminals: Terminals,
        membership: Membership,
        unheard: Callable[[Terminal], None] = lambda _: None,
        hooks_since: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._link = link
        self._terminals = terminals
        self._membership = membership
        self._unheard = unheard
        self._hooks_since = hooks_since

    async def route(self, key: str, tool_use_id: str | None) -> Route | None:
        """Return where a request goes; None for one of no living terminal.

        Raises:
            CoordinationError: the service cannot say now who the terminal is, or does not let it join.
        """
        terminal = self._terminals.find(key) or self._membership.returned(key)
        if terminal is None:
            return None
        if terminal.asked_at is None and not terminal.heard.is_set():
            self._await_hook(terminal, calls=tool_use_id is not None)
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

    async def conversation(self, key: str) -> None:
        """Wait until the conversation of a terminal is known, for a while after it asked first."""
        terminal = self._terminals.find(key)
        if terminal is None or terminal.asked_at is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout_at(terminal.asked_at + HOOK_SECONDS):
                await terminal.heard.wait()

    def is_protected(self, key: str) -> bool:
        """Return whether hooks of a terminal come, as far as is known."""
        terminal = self._terminals.find(key)
        return terminal is None or not lacks_hooks(terminal)

    def _await_hook(self, terminal: Terminal, *, calls: bool) -> None:
        loop = asyncio.get_running_loop()
        # The start of a process and our clock may be apart by that much.
        if float(terminal.key.started) > self._hooks_since() + SAME_START_SECONDS:
            terminal.asked_at = loop.time()
            loop.call_later(NO_HOOK_SECONDS, self._look_again, terminal)
        elif calls:
            terminal.asked_at = loop.time() - NO_HOOK_SECONDS
            self._look_again(terminal)

    def _look_again(self, terminal: Terminal) -> None:
        if self._terminals.is_here(terminal) and lacks_hooks(terminal):
            self._unheard(terminal)


def lacks_hooks(terminal: Terminal) -> bool:
    """Return whether a terminal has a connection for the tools and no hooks: nothing protects its edits."""
    if terminal.asked_at is None or terminal.heard.is_set():
        return False
    return asyncio.get_running_loop().time() - terminal.asked_at >= NO_HOOK_SECONDS


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
