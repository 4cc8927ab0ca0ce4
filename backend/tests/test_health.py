"""GET /health and GET /health/ready."""

from httpx import AsyncClient
from sqlalchemy import text

from app.config import Settings
from app.db.session import Database
from tests.support.clients import build_app, build_client, open_database


async def test_health_returns_ok(client: AsyncClient) -> None:
    response = await client.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_readiness_lists_each_dependency(client: AsyncClient) -> None:
    response = await client.get("/health/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "database": "ok", "migrations": "ok"})


async def test_readiness_with_older_schema_returns_503(client: AsyncClient, database: Database) -> None:
    await _set_revision(database, "0001")
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["error"]["details"][0]["field"] == "migrations"


async def test_readiness_with_newer_schema_returns_200(client: AsyncClient, database: Database) -> None:
    await _set_revision(database, "of a newer version")
    assert (await client.get("/health/ready")).status_code == 200


async def _set_revision(database: Database, revision: str) -> None:
    async with database.sessions.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


async def test_without_database_health_returns_200_and_readiness_503(settings: Settings) -> None:
    async with (
        open_database("postgresql://nobody@127.0.0.1:1/nothing", settings) as database,
        build_client(build_app(database, settings)) as client,
    ):
        assert (await client.get("/health")).status_code == 200
        response = await client.get("/health/ready")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "service_unavailable")
    assert response.headers["retry-after"] == "1"
