"""Authentication of writes by an API key in the header X-API-Key, if AUTH_MODE requires one."""

from typing import Final

from fastapi import Security
from fastapi.params import Depends
from fastapi.security import APIKeyHeader
from starlette.requests import HTTPConnection, Request

from app.auth.service import Authenticator
from app.auth.tokens import Scope
from app.db.session import Database
from app.repositories.api_keys import ApiKeyQueries

_DESCRIPTION: Final = (
    "A key made by `deals keys create`. Required if AUTH_MODE is `writes`; the operation lists its scope."
)


class ApiKeyAuth(APIKeyHeader):
    """Requires an API key with a scope.

    The route calls `authenticate` once, before it reads the body; the client's id is in `request.state.client` then,
    and FastAPI gets it from there when it resolves the dependencies.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(name="X-API-Key", scheme_name="ApiKey", description=_DESCRIPTION, auto_error=False)
        self.scope = scope

    async def authenticate(self, request: Request) -> None:
        """Set `request.state.client` to the key's public id, or to an empty string if writes need no key.

        Raises UnauthorizedError, ForbiddenError, RateLimitedError, and one of DATABASE_ERRORS.
        """
        authenticator: Authenticator = request.app.state.authenticator
        database: Database = request.app.state.database
        request.state.client = await authenticator.authenticate(
            request.headers.get(self.model.name),
            scope=self.scope,
            address=request.client.host if request.client else "",
            keys=ApiKeyQueries(database.reads),
        )

    async def __call__(self, request: HTTPConnection) -> str:
        client: str = request.state.client
        return client


def require_scope(scope: Scope) -> list[Depends]:
    """`dependencies=` of an endpoint that requires a key with this scope."""
    return [Security(ApiKeyAuth(scope), scopes=[scope])]


REQUIRE_WRITE: Final = require_scope(Scope.WRITE)
REQUIRE_ADMIN: Final = require_scope(Scope.ADMIN)
