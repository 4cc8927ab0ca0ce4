"""One server and one application a run; every test has the catalogue to itself."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.config import Environment, Settings
from app.db.session import ConnectedDatabase, Database
from app.db.urls import libpq_url
from app.main import create_app
from tests.support.databases import ConnectionExecutor, TestServer, test_server
from tests.support.production_database import Guarded, guarded_server


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The defaults, whatever a developer's `.env` says; only TEST_DATABASE_URL is read from outside."""
    return Settings(env=Environment.DEVELOPMENT, log_level="WARNING")


@pytest.fixture(scope="session")
def server(settings: Settings) -> Iterator[TestServer]:
    with test_server(settings) as server:
        yield server


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Another server, as production has it; tests leave its catalogue empty and its keys to others."""
    with guarded_server(tmp_path_factory.mktemp("guarded") / "data") as guarded:
        yield guarded


@pytest.fixture(scope="session")
async def shared_database(server: TestServer, settings: Settings) -> AsyncIterator[ConnectedDatabase]:
    """The database of all tests that undo what they did."""
    with server.copy() as url:
        database = ConnectedDatabase.connect(url, settings)
        yield database
        await database.close()


@pytest.fixture
async def database(shared_database: ConnectedDatabase) -> AsyncIterator[Database]:
    """The test's own database: one connection in an outer transaction, undone at the end.

    Requests and sessions commit into savepoints. No two at once.
    """
    async with shared_database.engine.connect() as connection, connection.begin() as outer:
        await connection.exec_driver_sql("SELECT 1")  # SQLAlchemy sends BEGIN with the first statement of its own
        sessions = async_sessionmaker(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
        yield Database(reads=ConnectionExecutor(connection), sessions=sessions)
        await outer.rollback()


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    """A session for the test itself; what it should be seen to have done needs `commit`."""
    async with database.sessions() as session:
        yield session


@pytest.fixture
def own_url(server: TestServer) -> Iterator[str]:
    """The URL of a migrated, empty database of the test's own, for commits that must be real."""
    with server.copy() as url:
        yield url


@pytest.fixture
def loading_database(own_url: str) -> str:
    """The same as a libpq URL."""
    return libpq_url(own_url)


@pytest.fixture
async def own_database(own_url: str, settings: Settings) -> AsyncIterator[ConnectedDatabase]:
    """A database of the test's own, with a pool: for races."""
    database = ConnectedDatabase.connect(own_url, settings)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
async def client(app: FastAPI, database: Database) -> AsyncIterator[AsyncClient]:
    """A client of the service on `database`."""
    app.state.database = database
    async with AsyncClient(transport=ASGITransport(app), base_url="http://deals.test") as client:
        yield client


@pytest.fixture
async def own_client(app: FastAPI, own_database: ConnectedDatabase) -> AsyncIterator[AsyncClient]:
    """A client of the service on `own_database`: its requests may run at once."""
    app.state.database = own_database
    async with AsyncClient(transport=ASGITransport(app), base_url="http://deals.test") as client:
        yield client
