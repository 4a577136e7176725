"""How a client that has no credential learns where people log in, so that `claude mcp login` needs to be told nothing.

A page names the authorization server of the Supabase project (RFC 9728). Clients find it by the 401 of the MCP endpoint
(`WWW-Authenticate: Bearer resource_metadata=…`), or where it has to be for the address that they were given, which is
all that `claude mcp login` looks at. All else, from the registration of the client to its tokens, is between the client
and the project; what comes back is an access token like any other (`transport.person`).

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
WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
METADATA_PATH: Final = f"{WELL_KNOWN}{RESOURCE_PATH}"
NAME: Final = "Coordination service"


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """The MCP endpoint as clients that log in see it.

    Attributes:
        origin: the address under which clients reach the service, without a slash at its end.
        prefix: the URL prefix behind it, without a slash at its end; "" for none.
        issuer: the authorization server of the Supabase project.
    """

    origin: str
    prefix: str
    issuer: str

    @property
    def challenge(self) -> str:
        """The `WWW-Authenticate` of a request without a credential that works."""
        # Below the prefix, which is what a proxy certainly leads to us.
        return f'Bearer resource_metadata="{self.origin}{self.prefix}{METADATA_PATH}"'

    def router(self) -> APIRouter:
        """Make the routes of the page; it is open, and the same for everybody."""
        answer = ProtectedResourceMetadataHandler(
            ProtectedResourceMetadata(
                resource=AnyHttpUrl(f"{self.origin}{self.prefix}{RESOURCE_PATH}"),
                authorization_servers=[AnyHttpUrl(self.issuer)],
                resource_name=NAME,
            )
        )
        router = APIRouter(tags=["login"])

        async def read_protected_resource(request: Request) -> Response:
            return await answer.handle(request)

        # For the endpoint, and for each address below it.
        for path in dict.fromkeys((METADATA_PATH, f"{WELL_KNOWN}{self.prefix}{RESOURCE_PATH}")):
            for further in ("", "/{caller:path}"):
                router.add_api_route(
                    f"{path}{further}", read_protected_resource, include_in_schema=False, response_model=None
                )
        return router
