"""One edit, as the gate decides on it: whose it is, of which file, and in whose way it may be."""

from dataclasses import dataclass

from coordination.daemon.hook_event import HookEvent
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.terminals import Terminal
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

    def parent_to_take_over(self, agent: LocalAgent, outcome: Held) -> LocalAgent | None:
        """Return the subagent's terminal when it alone stands in the way, and does not write there now."""
        parent = self.terminal.agents.get((agent.session, None))
        if agent.subagent is None or parent is None or self._writes_there():
            return None
        if outcome.conflict_count > len(outcome.conflicts):
            return None
        wanted = {path.key for path in normalise_all(self.place.claims, literal=True)}
        is_parents = all(one.agent_id == parent.id and one.key in wanted for one in outcome.conflicts)
        return parent if is_parents and outcome.conflicts else None

    def _writes_there(self) -> bool:
        """Whether an edit of the terminal itself writes to the file, by whatever name, at this moment."""
        files = frozenset(self.place.files)
        return any(who is None and files & others for (who, _), others in self.terminal.writing.items())
