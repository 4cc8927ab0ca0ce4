"""The parameters of a URL have the same effect with both drivers."""

from contextlib import closing
from urllib.parse import quote

import psycopg2
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from app.config import Settings
from app.db.urls import get_connect_timeout, libpq_url, split_secrets, sync_url
from tests.support.clients import open_database
from tests.support.databases import connect_autocommit

_SHOW = "SELECT current_setting('{}') || current_user || current_database()"


@pytest.fixture
def spellings(own_url: str) -> list[str]:
    """URLs of one database; `{}` in them stands for a further parameter."""
    url = make_url(libpq_url(own_url))
    user, name, host, port = url.username, url.database, str(url.query["host"]), url.query["port"]
    with closing(connect_autocommit(own_url)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA shop")
    return [
        f"postgres://{user}@/{name}?host={host}&port={port}&{{}}",
        f"postgresql+psycopg://{user}:unused@{quote(host, safe='')}:{port}/{name}?{{}}",
        f"postgresql+asyncpg://x@y:1/z?user={user}&dbname={name}&host={host}&port={port}&{{}}",
        f"postgresql://{user}@%2Fabsent,{quote(host, safe='')}:{port}/{name}?target_session_attrs=read-write&{{}}",
    ]


async def fetch(url: str, settings: Settings, statement: str) -> list[object]:
    """The value by asyncpg on both pools, by psycopg2, and by SQLAlchemy with psycopg2."""
    async with open_database(url, settings) as database:
        async with database.read_pool.connection() as connection:
            values = [await connection.fetchval(statement)]
        async with database.sessions() as session:
            values.append(await session.scalar(text(statement)))
    with closing(psycopg2.connect(libpq_url(url))) as plain, plain.cursor() as cursor:
        cursor.execute(statement)
        values.extend(cursor.fetchone() or ())
    with create_engine(sync_url(url), poolclass=NullPool).connect() as synchronous:
        return [*values, synchronous.scalar(text(statement))]


@pytest.mark.parametrize(
    ("parameter", "setting", "expected"),
    [
        ("application_name=the%20shop", "application_name", "the shop"),
        ("options=-c%20search_path%3Dshop%2Cpublic%20-cwork_mem%3D9MB", "search_path", "shop,public"),
        ("options=--work_mem=9MB&sslmode=prefer&connect_timeout=9&channel_binding=prefer", "work_mem", "9MB"),
    ],
)
async def test_parameters_have_the_same_effect_with_both_drivers(
    spellings: list[str], settings: Settings, parameter: str, setting: str, expected: str
) -> None:
    name = make_url(libpq_url(spellings[0].format(""))).database
    for spelling in spellings:
        url = spelling.format(parameter)
        values = await fetch(url, settings, _SHOW.format(setting))
        assert values == [f"{expected}super{name}"] * 4, url


def test_connect_timeout_of_the_url_is_known() -> None:
    assert get_connect_timeout("postgresql://h?connect_timeout=9") == 9
    assert get_connect_timeout("postgresql://h") is None


def test_secrets_are_not_part_of_the_url_for_psql() -> None:
    url, environment = split_secrets(
        "postgres://u:a%20b@h/d?options=-c%20x.y%3Dsecret&sslpassword=secret&sslmode=allow"
    )
    assert url == "postgresql://u@/d?host=h&sslmode=allow&port=5432"
    assert environment == {"PGPASSWORD": "a b", "PGOPTIONS": "-c x.y=secret"}
