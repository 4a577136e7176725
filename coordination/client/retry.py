"""When and after how long a question is asked again.

Only what may be done twice is repeated: questions, the steps of refreshing an index, and of what agents do all that
means the same when it was done before. Other writes never: one whose answer got lost may have happened. The pauses
grow, are jittered so that several clients do not come back together, and end after about a second: a person is waiting.
For the same reason what was taken and not answered in time is not asked again.
Whoever follows events comes back for ever; its pauses grow up to `LONGEST_PAUSE`.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from coordination.client.errors import ServiceSilent, ServiceUnavailable, ServiceUnreachable

AnswerT = TypeVar("AnswerT")

LONGEST_PAUSE: Final = 2.0
"""Seconds; a service that is back is found within them."""

_RANDOM: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to ask, and how long to pause in between.

    Attributes:
        attempts: how often at most, 1 for no repetition.
        first_pause: longest pause after the first attempt, in seconds; it doubles with each attempt.
        pause: what waits.
    """

    attempts: int = 4
    first_pause: float = 0.15
    pause: Callable[[float], object] = time.sleep

    def ask(self, question: Callable[[], AnswerT]) -> AnswerT:
        """Call `question` until it answers or the patience is at an end; then its last error is raised."""
        for attempt in range(1, self.attempts):
            try:
                return question()
            except ServiceSilent:
                raise
            except (ServiceUnreachable, ServiceUnavailable):
                self.wait(attempt)
        return question()

    def wait(self, failures: int) -> None:
        """Pause after so many failures in a row, at least one."""
        # Bounded before it is raised to a power: who follows for days may fail very often.
        longest = min(self.first_pause * 2 ** min(failures - 1, 16), LONGEST_PAUSE)
        self.pause(_RANDOM.uniform(longest / 2, longest))
