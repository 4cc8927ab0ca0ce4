"""The service on a database whose commits are real, with all that a property asks of it."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import text

from app.config import Settings
from app.db.session import ConnectedDatabase
from tests.support.clients import build_app, build_client, open_database
from tests.support.decimal_json import from_json, to_json

_JSON: Final = {"content-type": "application/json"}
_TABLES: Final = ("deals", "hotels", "categories")
_FOLDING: Final = """
    SELECT lower(name) FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS given (name, place) ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class Service:
    """Requests, and sessions beside them; any number at once."""

    app: FastAPI
    client: AsyncClient
    database: ConnectedDatabase

    async def empty(self) -> None:
        """Leave nothing in the catalogue."""
        async with self.database.sessions.begin() as session:
            for table in _TABLES:
                await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  a table of this file

    async def get(self, path: str, **query: Any) -> Any:
        """What a 200 says, with fractions as decimals."""
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return from_json(answer.content)

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> Response:
        """The answer to a flat JSON body with exact decimals."""
        return await self.client.request(method, path, content=to_json(body), headers=_JSON)

    async def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """What a 201 says, with fractions as decimals."""
        answer = await self.send("POST", path, body)
        assert answer.status_code == 201, answer.text
        return from_json(answer.content)

    async def folded(self, names: Iterable[str]) -> list[str]:
        """`names` as the database folds their case, in their order."""
        async with self.database.sessions() as session:
            return list(await session.scalars(text(_FOLDING), {"names": list(names)}))


@asynccontextmanager
async def open_service(url: str, settings: Settings) -> AsyncIterator[Service]:
    """The service on the database at `url`."""
    async with open_database(url, settings) as database:
        app = build_app(database, settings)
        async with build_client(app) as client:
            yield Service(app, client, database)
