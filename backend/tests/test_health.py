"""GET /health and GET /health/ready."""

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text

from app.config import Settings
from app.db.session import ConnectedDatabase, Database
from app.main import create_app


async def test_the_process_says_that_it_is_alive(client: AsyncClient) -> None:
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_readiness_names_each_dependency(client: AsyncClient) -> None:
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok", "migrations": "ok"})


async def test_a_schema_of_an_older_version_is_not_ready(client: AsyncClient, database: Database) -> None:
    await _pretend_revision(database, "0001")
    answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["error"]["details"][0]["field"] == "migrations"


async def test_a_schema_that_a_newer_version_has_migrated_is_ready(client: AsyncClient, database: Database) -> None:
    await _pretend_revision(database, "of a newer version")
    assert (await client.get("/health/ready")).status_code == 200


async def _pretend_revision(database: Database, revision: str) -> None:
    async with database.sessions.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


@pytest.fixture
async def app_without_database(settings: Settings) -> FastAPI:
    app = create_app(settings)
    app.state.database = await ConnectedDatabase.connect("postgresql://nobody@127.0.0.1:1/nothing", settings)
    return app


async def test_without_a_database_it_is_alive_but_not_ready(app_without_database: FastAPI) -> None:
    async with AsyncClient(transport=ASGITransport(app_without_database), base_url="http://deals.test") as client:
        assert (await client.get("/health")).status_code == 200
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "service_unavailable"
    assert answer.headers["retry-after"] == "1"
