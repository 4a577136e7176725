"""The link to the service: which one there is, whether it answers, and typed calls of it beside the event loop.

A call is tried once. What fails shows that the service is away; then it is looked for, again and again with growing
pauses, and each look asks anew where it is, because a local service may come back on another port. Calls meanwhile
fail at once, after one look of their own. Nothing here knows what is asked, and nothing is repeated. While it answers,
somebody may log in, elsewhere or as somebody else; so which one is meant is asked for now and then.

A call that takes too long is given up for its caller, but it cannot be called back: what it did may have been done.
Its answer goes to `late`, so that a lease which was granted after all is not forgotten.
"""

import asyncio
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

from coordination.client.errors import (
    ClientError,
    RequestRefused,
    ServiceSilent,
    ServiceUnavailable,
    ServiceUnreachable,
    UnsafeAddress,
)
from coordination.client.refusal import NOT_UNDERSTOOD
from coordination.client.service import ServiceClient
from coordination.daemon.clock import boot_seconds
from coordination.daemon.connection import Connection, Found, LinkState, ServiceAway, client_of, require_ready

THREADS: Final = 32
START_SECONDS: Final = 60.0
"""How long a local service may take to start, and how long nobody tries it again."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 15.0
MEANT_SECONDS: Final = 15.0
"""How often it is looked, while one answers, whether a person means another one by now."""
_JUST_LOOKED: Final = 0.2
_RANDOM: Final = secrets.SystemRandom()

T = TypeVar("T")


class Link:
    """Speaks to the service of a person; `run` has to run beside it.

    Args:
        find: says which service to talk to, None when there is none; called in a thread, and may raise.
        start: starts the local service; called in a thread, at most once a minute, when nobody answers.
        now: seconds that go on in sleep.

    Attributes:
        state: whether the service can be asked.
        why: why it cannot, in plain words; it may repeat names, so escape it.
        generation: grows when another service, or another address, is talked to.
    """

    def __init__(
        self,
        find: Callable[[], Found | None],
        start: Callable[[], None] | None = None,
        *,
        now: Callable[[], float] = boot_seconds,
    ) -> None:
        self.state = LinkState.AWAY
        self.why = "The service was not looked for yet."
        self.generation = 0
        self._find = find
        self._start = start
        self._now = now
        self._started_at: float | None = None
        self._start_failed = ""
        self._connection: Connection | None = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="service")
        self._observers: list[Callable[[LinkState], None]] = []
        self._wanted = asyncio.Event()
        self._looking: asyncio.Task[bool] | None = None
        self._looked_at: float | None = None
        self._closed = False

    @property
    def service(self) -> Found | None:
        """The service that was found last, None while none was."""
        return None if self._connection is None else self._connection.found

    @property
    def user(self) -> str | None:
        """Whose name things are done under at the service that was found last."""
        return None if self._connection is None else self._connection.found.user

    def observe(self, observer: Callable[[LinkState], None]) -> None:
        """Have `observer` told of every change of `state`, and when another service is talked to."""
        self._observers.append(observer)

    async def run(self) -> None:
        """Look for the service until it answers, and again when it was lost; for ever."""
        failures = 0
        while True:
            self._wanted.clear()
            failures = 0 if await self._look() else failures + 1
            if not failures:
                await self._until_wanted()
                continue
            longest = min(FIRST_PAUSE * 2 ** min(failures - 1, 16), LONGEST_PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(_RANDOM.uniform(longest / 2, longest)):
                    await self._wanted.wait()

    async def _until_wanted(self) -> None:
        """Wait until the service was lost, or another one is meant."""
        is_another = False
        while not is_another and not self._wanted.is_set():
            try:
                async with asyncio.timeout(MEANT_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                is_another = await asyncio.to_thread(self._is_another_meant)

    def look_now(self) -> None:
        """Look for the service now, whatever the pause; after sleep, or when somebody saw it start."""
        self._wanted.set()

    async def call(
        self,
        work: Callable[[ServiceClient], T],
        *,
        seconds: float,
        late: Callable[[T], None] | None = None,
    ) -> T:
        """Do something with the service, in a thread.

        Args:
            work: what to do; it is called at most once.
            seconds: how long to wait for it.
            late: takes what came of it after the caller was told that the service is away, or went away itself.

        Raises:
            ServiceAway: nobody answered, or not in time; whether it was done is not known.
            RequestRefused: the service refused.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        connection = await self._reachable(seconds)
        future = self._pool.submit(connection.lend, work)
        waiting = asyncio.wrap_future(future)
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(waiting)
        except TimeoutError:
            _give_up(future, waiting, late)
            raise self._lost(connection, f"The service at {connection.found.url} takes too long.") from None
        except asyncio.CancelledError:
            _give_up(future, waiting, late)
            raise
        except RequestRefused as refused:
            if refused.code != NOT_UNDERSTOOD:
                raise
            raise self._lost(connection, refused.message) from refused
        except (ServiceUnreachable, ServiceUnavailable, UnsafeAddress) as error:
            raise self._lost(connection, error.message) from error

    def connect(self) -> ServiceClient:
        """Return a connection of one's own to the service that was found last, for what goes on for long.

        Raises:
            ServiceAway: none was found yet.
            UnsafeAddress: the credential would go to another machine in clear text.
        """
        if self._connection is None:
            raise ServiceAway(self.why)
        return client_of(self._connection.found)

    def close(self) -> None:
        """End it; threads that wait for an answer end by themselves."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._connection is not None:
            self._connection.retire()
            self._connection = None

    async def _reachable(self, seconds: float) -> Connection:
        """Return the connection, after a look when the service was away and nobody looked just now."""
        just_looked = self._looked_at is not None and self._now() - self._looked_at < _JUST_LOOKED
        if self.state is not LinkState.REACHABLE and not just_looked and not self._closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._look()
        if self.state is not LinkState.REACHABLE or self._connection is None:
            raise ServiceAway(self.why)
        return self._connection

    def _lost(self, connection: Connection, why: str) -> ServiceAway:
        """Note that the service does not answer, unless another one was found since."""
        if connection is self._connection:
            self.why = why
            self._become(LinkState.AWAY)
            self._wanted.set()
        return ServiceAway(why)

    async def _look(self) -> bool:
        """Look for the service, together with whoever looks already; returns whether it answers."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_once())
        return await asyncio.shield(self._looking)

    async def _look_once(self) -> bool:
        try:
            connection, away = await asyncio.to_thread(self._found)
        finally:
            self._looking, self._looked_at = None, self._now()
        if connection is None:
            self._missed(away)
            return False
        if self._closed:
            connection.retire()
            return False
        self._take(connection)
        return True

    def _found(self) -> tuple[Connection | None, Exception]:
        """Find the service and ask whether it can be used; in a thread.

        Returns:
            A connection, or None and why there is none.
        """
        fresh: Connection | None = None
        try:
            found = self._find()
            if found is None:
                raise ServiceUnreachable("There is no service.")
            known = self._connection
            connection = known if known is not None and known.found == found else None
            if connection is None:
                connection = fresh = Connection(found, client_of(found))
            require_ready(connection.lend(ServiceClient.health), found.url)
        except (
            Exception
        ) as error:  # what is passed in may raise anything, and nothing of it may end the search
            if fresh is not None:
                fresh.retire()
            return None, error
        return connection, ServiceUnreachable("")

    def _is_another_meant(self) -> bool:
        """Ask which service is meant; in a thread. Where nobody can say, the one that answers is."""
        try:
            found = self._find()
        except Exception:  # as in `_found`; a call shows whether it matters
            return False
        connection = self._connection
        return found is not None and connection is not None and connection.found != found

    def _take(self, connection: Connection) -> None:
        before, self._connection = self._connection, connection
        if before is not connection:
            self.generation += 1
            if before is not None:
                before.retire()
        self._started_at, self.why = None, ""
        self._become(LinkState.REACHABLE, anew=before is not connection)

    def _missed(self, error: Exception) -> None:
        """Note that the service is not there, and start it when nobody did."""
        nobody = isinstance(error, ServiceUnreachable) and not isinstance(error, ServiceSilent)
        if self._start is not None and nobody and not self._starts():
            self._started_at, self._start_failed = self._now(), ""
            threading.Thread(target=self._start_it, args=(self._start,), daemon=True).start()
        said = error.message if isinstance(error, ClientError) else f"{type(error).__name__}: {error}"
        self.why = self._start_failed or said
        self._become(LinkState.STARTING if self._starts() and not self._start_failed else LinkState.AWAY)

    def _starts(self) -> bool:
        """Whether the service was started so lately that it may still come."""
        return self._started_at is not None and self._now() - self._started_at < START_SECONDS

    def _start_it(self, start: Callable[[], None]) -> None:
        try:
            start()
        except Exception as error:  # what is passed in may raise anything; it is told as the reason
            self._start_failed = f"The service could not be started: {error}"

    def _become(self, state: LinkState, *, anew: bool = False) -> None:
        changed, self.state = state is not self.state or anew, state
        if changed:
            for observer in self._observers:
                observer(state)


def _give_up(future: Future[T], waiting: asyncio.Future[T], late: Callable[[T], None] | None) -> None:
    """Take a call back that did not begin; have one that did begin tell `late` what came of it."""

    def over(ended: asyncio.Future[T]) -> None:
        # An error is asked for too: one that nobody asks for would be logged as forgotten.
        if not ended.cancelled() and ended.exception() is None and late is not None:
            late(ended.result())

    if not future.cancel():
        waiting.add_done_callback(over)
