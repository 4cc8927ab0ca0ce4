"""The service on a database in which commits are real, for the property tests."""

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
_FOLD: Final = """
    SELECT upper(lower(name)) FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS names (name, position)
    ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class Service:
    """An application, a client of it and its database. Requests and sessions may be concurrent."""

    app: FastAPI
    client: AsyncClient
    database: ConnectedDatabase
    url: str
    """Of the database."""

    async def empty(self) -> None:
        """Delete all hotels, deals and categories."""
        async with self.database.sessions.begin() as session:
            for table in _TABLES:
                await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  a table of this file

    async def get(self, path: str, **query: Any) -> Any:
        """The body of a 200, with fractions as Decimal."""
        response = await self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        return from_json(response.content)

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> Response:
        """Send a flat JSON object in which decimals are exact."""
        return await self.client.request(method, path, content=to_json(body), headers=_JSON)

    async def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """The body of a 201 to a POST, with fractions as Decimal."""
        response = await self.send("POST", path, body)
        assert response.status_code == 201, response.text
        return from_json(response.content)

    async def fold(self, names: Iterable[str]) -> list[str]:
        """The names with their case folded by the database."""
        async with self.database.sessions() as session:
            return list(await session.scalars(text(_FOLD), {"names": list(names)}))


@asynccontextmanager
async def open_service(url: str, settings: Settings) -> AsyncIterator[Service]:
    """The service on the database at `url`."""
    async with open_database(url, settings) as database:
        app = build_app(database, settings)
        async with build_client(app) as client:
            yield Service(app, client, database, url)
