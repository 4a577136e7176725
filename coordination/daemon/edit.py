"""One edit, as the gate decides on it: whose it is, of which file, and in whose way it may be."""

from dataclasses import dataclass

from coordination.daemon.hook_event import HookEvent
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.terminals import Terminal
from coordination.daemon.turn import is_in_turn
from coordination.domain.errors import InvalidInput
from coordination.domain.file_lock import Held
from coordination.domain.path import normalise, normalise_all
from coordination.repository.checkout import describe_checkout
from coordination.repository.edited_path import EditedPath


@dataclass(frozen=True, slots=True)
class Edit:
    """What a tool of a terminal, or of its subagent, is about to write."""

    terminal: Terminal
    event: HookEvent
    place: EditedPath

    @property
    def checkout(self) -> str:
        """The working tree, `{host}:{git top level}`, or ''."""
        return describe_checkout(self.place.top) or ""

    @property
    def can_be_claimed(self) -> bool:
        """Whether a model can claim the file by its name: its tool means the checkout that its terminal began in."""
        try:
            normalise(self.place.relative)
        except InvalidInput:
            return False
        return self.place.top == self.terminal.home and self.place.claims == (self.place.relative,)

    def to_take_over(self, agent: LocalAgent, outcome: Held) -> LocalAgent | None:
        """Return who alone stands in the way and gives way.

        That is a subagent's terminal that does not write there now, and a terminal's subagent that is not at work, as
        when its turn was interrupted.
        """
        if not outcome.conflicts or outcome.conflict_count > len(outcome.conflicts):
            return None
        holder = self._gives_way(agent, outcome.conflicts[0].agent_id)
        wanted = {path.key for path in normalise_all(self.place.claims, literal=True)}
        alone = holder is not None and all(
            one.agent_id == holder.id and one.key in wanted for one in outcome.conflicts
        )
        return holder if alone else None

    def _gives_way(self, agent: LocalAgent, holder: str) -> LocalAgent | None:
        for one in self.terminal.agents.values():
            if one.session == agent.session and one.id == holder and one != agent:
                if agent.subagent is None:
                    return None if is_in_turn(self.terminal, one.subagent) else one
                return None if one.subagent is not None or self._writes_there() else one
        return None

    def _writes_there(self) -> bool:
        """Whether an edit of the terminal itself writes to the file, by whatever name, at this moment."""
        files = frozenset(self.place.files)
        return any(who is None and files & others for (who, _), others in self.terminal.writing.items())
