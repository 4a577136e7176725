"""When and after how long a question is asked again.

Only questions are repeated, never writes: a write whose answer got lost may have happened. The pauses grow, are
jittered so that several clients do not come back together, and end after about a second: a person is waiting. For the
same reason a question that was taken and not answered in time is not asked again.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from coordination.client.errors import ServiceSilent, ServiceUnavailable, ServiceUnreachable

AnswerT = TypeVar("AnswerT")

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
    pause: Callable[[float], None] = time.sleep

    def ask(self, question: Callable[[], AnswerT]) -> AnswerT:
        """Call `question` until it answers or the patience is at an end; then its last error is raised."""
        for attempt in range(1, self.attempts):
            try:
                return question()
            except ServiceSilent:
                raise
            except (ServiceUnreachable, ServiceUnavailable):
                longest = self.first_pause * 2 ** (attempt - 1)
                self.pause(_RANDOM.uniform(longest / 2, longest))
        return question()
