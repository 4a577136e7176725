"""What the daemon tells of itself: terminals, agents, what they hold, and whether the service answers."""

from collections.abc import Mapping
from typing import Any, Final

from coordination.daemon.lease_table import LeaseTable
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.notices import Notices
from coordination.daemon.routes import lacks_hooks
from coordination.daemon.tcp import Port
from coordination.daemon.terminals import Terminal, Terminals
from coordination.daemon.turn import is_in_turn

STATUS: Final = "status"
"""What is asked for over the socket of the hooks by who wants to know how the daemon is."""
_NOT_YET: Final = "The daemon's port is being taken."


class Status:
    """Describes the daemon.

    Args:
        link: the service.
        terminals: who works here.
        leases: what they hold.
        notices: what they are to be told.
        port: where tools and pages reach the daemon.
    """

    def __init__(
        self, link: Link, terminals: Terminals, leases: LeaseTable, notices: Notices, port: Port
    ) -> None:
        self._link = link
        self._terminals = terminals
        self._leases = leases
        self._notices = notices
        self._port = port

    # Any: JSON.
    def summary(self) -> dict[str, Any]:
        """Return what `coord daemon status` shows; `port_trouble` is null while the port is served."""
        return {
            "service": self._link.state,
            "terminals": len(list(self._terminals)),
            "agents": len(self._terminals.agents()),
            "port_trouble": None if self._port.number is not None else self._port.trouble or _NOT_YET,
            "unprotected": [
                {"terminal": str(one.key), "folder": str(one.home)}
                for one in self._terminals
                if lacks_hooks(one)
            ],
            "unheard": [
                {"terminal": str(one.key), "folder": str(one.home)}
                for one in self._terminals
                if _is_protected(one) is None
            ],
        }

    # Any: JSON.
    async def read(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole of it."""
        found = self._link.service
        return {
            "service": {
                "state": self._link.state,
                "url": None if found is None else found.url,
                "why": self._link.why,
            },
            "terminals": [self._terminal(terminal) for terminal in self._terminals],
        }

    def _terminal(self, terminal: Terminal) -> dict[str, Any]:
        return {
            "terminal": str(terminal.key),
            "folder": str(terminal.home),
            "working": is_in_turn(terminal, None),
            "protected": _is_protected(terminal),
            "agents": [self._agent(agent) for agent in terminal.agents.values()],
        }

    def _agent(self, agent: LocalAgent) -> dict[str, Any]:
        return {
            "agent": agent.id,
            "session": agent.session,
            "editing": [path for _, path in self._leases.automatic(agent)],
            "to_be_told": len(self._notices.due(agent)),
        }


def _is_protected(terminal: Terminal) -> bool | None:
    """Return whether hooks of a terminal come; None while none came and that may yet be."""
    if terminal.heard.is_set():
        return True
    return False if lacks_hooks(terminal) else None
