"""What a connection that fails says about the service: that nobody is there, or that somebody is and is silent."""

from collections.abc import Generator
from contextlib import contextmanager

import httpx

from coordination.client.errors import ServiceSilent, ServiceUnreachable


@contextmanager
def told_apart(url: str) -> Generator[None]:
    """Raise what fails on the way to and from the service at `url` as an error of the client.

    Raises:
        ServiceSilent: it did not answer, or went on, in time.
        ServiceUnreachable: nobody listens there, or the connection broke.
    """
    try:
        yield
    except httpx.ConnectError as error:
        raise ServiceUnreachable(f"No service answers at {url}.") from error
    except httpx.TimeoutException as error:
        raise ServiceSilent(f"What listens at {url} does not answer.") from error
    except httpx.TransportError as error:
        raise ServiceUnreachable(f"The service at {url} did not answer ({type(error).__name__}).") from error
