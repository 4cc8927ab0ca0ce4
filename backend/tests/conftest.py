"""Databases, applications and clients. Tests share one database and undo their changes, or have one of their own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from psycopg2.extensions import connection
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.config import Environment, Settings
from app.db.session import ConnectedDatabase, Database
from app.db.urls import libpq_url
from tests.support.clients import build_app, build_client, open_database
from tests.support.databases import ConnectionExecutor, TestServer, connect_autocommit, test_server
from tests.support.production_database import ProductionServer, production_server


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The defaults, independent of a developer's `.env`; only TEST_DATABASE_URL comes from the environment."""
    return Settings(env=Environment.DEVELOPMENT, log_level="WARNING")


@pytest.fixture(scope="session")
def server(settings: Settings) -> Iterator[TestServer]:
    """The server of all databases below; each parallel worker has its own."""
    with test_server(settings) as server:
        yield server


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionServer]:
    """Another server, set up as for production. Tests leave its catalogue empty and ignore other tests' API keys."""
    with production_server(tmp_path_factory.mktemp("production") / "data") as production:
        yield production


@pytest.fixture(scope="session")
async def shared_database(server: TestServer, settings: Settings) -> AsyncIterator[ConnectedDatabase]:
    """The database of all tests that undo their changes.

    Its connections are tested before use: the driver cannot notice that the server has closed an idle one while no
    test runs the event loop.
    """
    with server.copy() as url:
        async with open_database(url, settings.model_copy(update={"database_pool_pre_ping": True})) as database:
            yield database


@pytest.fixture
async def database(shared_database: ConnectedDatabase) -> AsyncIterator[Database]:
    """The shared database on one connection, in a transaction that is rolled back after the test.

    Requests and sessions commit into savepoints. Only one of them at a time can use the connection.
    """
    async with shared_database.engine.connect() as connection, connection.begin() as outer:
        await connection.exec_driver_sql("SELECT 1")  # SQLAlchemy sends BEGIN with its first statement
        sessions = async_sessionmaker(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
        yield Database(reads=ConnectionExecutor(connection), sessions=sessions)
        await outer.rollback()


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    """A session for the test itself. Requests see its changes after `commit`."""
    async with database.sessions() as session:
        yield session


@pytest.fixture
def app(database: Database, settings: Settings) -> FastAPI:
    """The application on `database`."""
    return build_app(database, settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client of `app`."""
    async with build_client(app) as client:
        yield client


@pytest.fixture
def own_url(server: TestServer) -> Iterator[str]:
    """The URL of a migrated, empty database for this test alone, in which commits are real."""
    with server.copy() as url:
        yield url


@pytest.fixture
def own_dsn(own_url: str) -> str:
    """`own_url` in the form that libpq accepts."""
    return libpq_url(own_url)


@pytest.fixture
async def own_database(own_url: str, settings: Settings) -> AsyncIterator[ConnectedDatabase]:
    """The database at `own_url`, with connection pools: for concurrent requests."""
    async with open_database(own_url, settings) as database:
        yield database


@pytest.fixture
async def own_client(own_database: ConnectedDatabase, settings: Settings) -> AsyncIterator[AsyncClient]:
    """A client of the service on `own_database`. Its requests may be concurrent."""
    async with build_client(build_app(own_database, settings)) as client:
        yield client


@pytest.fixture
def other_connection(own_url: str) -> Iterator[connection]:
    """A separate connection to the database at `own_url`, on which each statement is a transaction."""
    with closing(connect_autocommit(own_url)) as other:
        yield other
