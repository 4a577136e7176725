"""How a client that has no credential learns where people log in, so that `claude mcp login` needs to be told nothing.

The 401 of the MCP endpoint names a page (`WWW-Authenticate: Bearer resource_metadata=…`), and the page names the
authorization server of the Supabase project (RFC 9728). All else, from the registration of the client to its tokens, is
between the client and the project; what comes back is an access token like any other (`transport.person`).

The resource is the endpoint as a whole: below it every caller has an address of its own, which is no other resource.
"""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from mcp.server.auth.handlers.metadata import ProtectedResourceMetadataHandler
from mcp.shared.auth import ProtectedResourceMetadata
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import Response

from coordination.transport.mcp.identity import PATH as MCP_PATH

RESOURCE_PATH: Final = MCP_PATH.partition("/{")[0]
METADATA_PATH: Final = f"/.well-known/oauth-protected-resource{RESOURCE_PATH}"
NAME: Final = "Coordination service"


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """The MCP endpoint as clients that log in see it.

    Attributes:
        base: the address under which clients reach the service, with its prefix, without a slash at its end.
        issuer: the authorization server of the Supabase project.
    """

    base: str
    issuer: str

    @property
    def challenge(self) -> str:
        """The `WWW-Authenticate` of a request without a credential that works."""
        return f'Bearer resource_metadata="{self.base}{METADATA_PATH}"'

    def router(self) -> APIRouter:
        """Make the route of the page that the challenge names; it is open, and the same for everybody."""
        answer = ProtectedResourceMetadataHandler(
            ProtectedResourceMetadata(
                resource=AnyHttpUrl(f"{self.base}{RESOURCE_PATH}"),
                authorization_servers=[AnyHttpUrl(self.issuer)],
                resource_name=NAME,
            )
        )
        router = APIRouter(tags=["login"])

        @router.get(METADATA_PATH, include_in_schema=False, response_model=None)
        async def read_protected_resource(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]  the router keeps it
            """RFC 9728; hosted services have it that know a Supabase project and their own address."""
            return await answer.handle(request)

        return router
