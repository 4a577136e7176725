"""Roles over MCP: completes a caller with the role that it has in its session, where that can matter.

A caller comes with the role that its name gives it (`domain.identity.role_of`), and with the tools of that role. An
implementer may have taken the planner's role since, which its session knows: a statement. So it is asked when something
is listed, and when something is called that is not the caller's anyway; never for the tools that every agent has.

It is asked for any name that is not the caller's, whether there is such a thing or not: neither the answer nor the time
that it takes tells one from the other, also while the database is away.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from coordination.domain.agent import Agent, agent_of
from coordination.domain.errors import RetryLater
from coordination.domain.identity import Role
from coordination.domain.visibility import Visible, tools_for
from coordination.transport.mcp.identity import Caller, current_caller, keep_caller

RoleReader = Callable[[Agent], Awaitable[Role]]
"""Reads which role an agent has now; raises RetryLater when nobody can say."""


async def role_by_name(agent: Agent) -> Role:
    """Return the role that an agent comes with, for a server whose sessions know no other."""
    return agent.role


class Roles:
    """Completes callers.

    Args:
        read: says which role an agent has now.
    """

    def __init__(self, read: RoleReader) -> None:
        self._read = read

    async def complete(self) -> Caller | None:
        """Return the caller of this request with all tools that it has, and keep it so; None outside of a request.

        Raises:
            RetryLater: nobody can say now whether it has more than it came with.
        """
        caller = current_caller()
        if caller is None or not isinstance(caller.verdict, Visible) or caller.identity.role_fixed:
            return caller
        agent = agent_of(caller.identity)
        if agent is None or agent.role == "planner":
            return caller
        completed = replace(caller, tools=tools_for(caller.verdict, await self._read(agent)))
        keep_caller(completed)
        return completed

    async def complete_if_known(self) -> Caller | None:
        """Return the same, and while nobody can say, the caller with what is its own for certain."""
        try:
            return await self.complete()
        except RetryLater:
            return current_caller()
