"""What can come of asking the service, as one tree.

ClientError
├── ServiceUnreachable   unreachable   nobody answers there
│   └── ServiceSilent    unreachable   somebody does listen there, and gives no answer in time
├── ServiceUnavailable   retry_later   the service answers that it cannot now; nothing was acknowledged
├── UnsafeAddress        unsafe_url    the credential would have gone to another machine in clear text; nothing was sent
└── RequestRefused       any other     the service refused; code, message and next call are its own
"""

from typing import Any, ClassVar


class ClientError(Exception):
    """Base of all errors of the client.

    Attributes:
        code: stable word for the kind; the service's own where it answered.
        message: what went wrong, in plain words; may repeat names from the service, so escape it.
        next_call: one literal thing to do next, or "".
        details: facts for programs, as the service told them: of `lease_lost` the lists of paths `lost` and `held`.
    """

    default_code: ClassVar[str] = "client_error"

    # Any: JSON.
    def __init__(
        self, message: str, *, next_call: str = "", code: str = "", details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.message = message
        self.next_call = next_call
        self.details: dict[str, Any] = details or {}


class ServiceUnreachable(ClientError):
    """Nobody answers at the address, or not in time. Whether a write arrived is not known then."""

    default_code = "unreachable"


class ServiceSilent(ServiceUnreachable):
    """Somebody listens at the address and gives no answer in time, so asking again would only take as long again."""


class ServiceUnavailable(ClientError):
    """The service runs but cannot answer now, for example without its database. Nothing was acknowledged."""

    default_code = "retry_later"


class UnsafeAddress(ClientError):
    """The address leads to another machine without TLS, and a credential never goes there. Nothing was sent."""

    default_code = "unsafe_url"


class RequestRefused(ClientError):
    """The service understood and refused, or did not understand; the same request will be refused again."""

    default_code = "refused"
