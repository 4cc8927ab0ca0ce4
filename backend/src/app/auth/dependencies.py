"""What stands before every endpoint that changes something: a key in the header X-API-Key, as AUTH_MODE says."""

from typing import Final

from fastapi import Security
from fastapi.params import Depends
from fastapi.security import APIKeyHeader
from starlette.requests import HTTPConnection

from app.auth.service import Keys
from app.auth.tokens import Scope
from app.db.session import Database
from app.repositories.api_keys import ApiKeyRepository

_HELP: Final = "A key of `deals keys create`. Needed where AUTH_MODE is `writes`; its list names the scope."


class ApiKeyAuth(APIKeyHeader):
    """Lets a request through whose key has the scope, and leaves the key's public id at `request.state.client`.

    The id is empty where writes need no key. The routes ask before they read the body.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(name="X-API-Key", scheme_name="ApiKey", description=_HELP, auto_error=False)
        self.scope = scope

    async def __call__(self, request: HTTPConnection) -> str:
        keys: Keys = request.app.state.authenticator
        database: Database = request.app.state.database
        client = await keys.authenticate(
            request.headers.get(self.model.name),
            scope=self.scope,
            address=request.client.host if request.client else "",
            keys=ApiKeyRepository(database.reader),
        )
        request.state.client = client
        return client


def require_scope(scope: Scope) -> list[Depends]:
    """`dependencies=` for an endpoint that only a key with this scope may call."""
    return [Security(ApiKeyAuth(scope), scopes=[scope])]


REQUIRE_WRITE: Final = require_scope(Scope.WRITE)
REQUIRE_ADMIN: Final = require_scope(Scope.ADMIN)
