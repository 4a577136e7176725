"""What a person chose for the terminals of a folder: their session, and the name of one that has none."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person chose for the terminals of a folder: their session, and the name of one that has none."""

    session: str
    agent: str


class ChosenFor(Protocol):
    """Finds what the person chose for a folder; None for nothing."""

    def __call__(self, folder: Path) -> Chosen | None:
        """Look for it; called in a thread."""
        ...
