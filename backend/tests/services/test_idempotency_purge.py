"""The service removes old idempotency keys itself: in steps, in one process at a time, and despite errors."""

import asyncio
from collections.abc import Callable

import pytest
from psycopg2.extensions import connection
from sqlalchemy import text

from app.config import Settings
from app.db.session import ConnectedDatabase
from app.main import create_app
from app.services.idempotency import periodic_purge, purge_expired_keys
from tests.support.cli import run_deals

_ADD_KEYS = """
    INSERT INTO idempotency_keys (client, key, fingerprint, created_at)
    SELECT '', prefix || number, '', now() - age
    FROM (VALUES ('old', interval '24 hours 1 minute'), ('new', interval '23 hours 59 minutes')) AS ages (prefix, age),
        generate_series(1, %s) AS number
"""
_TIMEOUT = 60
_WAIT = """
    SELECT pg_advisory_lock(1);
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN old; END';
    CREATE {} FOR EACH ROW EXECUTE FUNCTION wait()
"""
_IN_COMMIT = "CONSTRAINT TRIGGER wait AFTER DELETE ON idempotency_keys DEFERRABLE INITIALLY DEFERRED"
_IN_DELETE = "TRIGGER wait BEFORE DELETE ON idempotency_keys"


def add_keys(other_connection: connection, count: int) -> None:
    with other_connection.cursor() as cursor:
        cursor.execute(_ADD_KEYS, [count])


def count_old(other_connection: connection) -> int:
    with other_connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FILTER (WHERE key LIKE 'old%'), count(*) FROM idempotency_keys")
        (old, all_keys) = cursor.fetchone() or (0, 0)
    assert all_keys >= old
    return int(old)


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_TIMEOUT):
        while not condition():  # noqa: ASYNC110  the condition is in the database
            await asyncio.sleep(0.01)


async def test_expired_keys_are_deleted_in_several_steps(
    own_database: ConnectedDatabase, other_connection: connection
) -> None:
    add_keys(other_connection, 2500)
    assert await purge_expired_keys(own_database, wait=False) == 2500
    assert count_old(other_connection) == 0
    assert await purge_expired_keys(own_database, wait=False) == 0


async def test_only_one_process_purges_and_the_command_waits_for_it(
    own_database: ConnectedDatabase, own_url: str, other_connection: connection
) -> None:
    add_keys(other_connection, 3)
    async with own_database.sessions.begin() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(7165003121)"))
        assert await purge_expired_keys(own_database, wait=False) == 0
        command = asyncio.create_task(asyncio.to_thread(run_deals, own_url, "purge"))
        await wait_until(lambda: _is_waiting_for_the_lock(other_connection))
        assert count_old(other_connection) == 3
    assert (await command).stdout == "Deleted 3 Idempotency-Keys.\n"


async def test_locked_keys_are_left_for_the_next_time(
    own_database: ConnectedDatabase, other_connection: connection
) -> None:
    add_keys(other_connection, 3)
    async with own_database.sessions.begin() as session:
        await session.execute(text("SELECT FROM idempotency_keys WHERE key = 'old2' FOR UPDATE"))
        assert await purge_expired_keys(own_database, wait=False) == 2
    assert await purge_expired_keys(own_database, wait=False) == 1


async def test_running_service_purges_again_after_an_error(
    own_database: ConnectedDatabase, other_connection: connection
) -> None:
    with other_connection.cursor() as cursor:
        cursor.execute("ALTER TABLE idempotency_keys RENAME TO misplaced")
        async with periodic_purge(own_database, interval=0.01):
            await wait_until(lambda: _fetch(other_connection, _ROLLED_BACK) > 0)
            cursor.execute("ALTER TABLE misplaced RENAME TO idempotency_keys")
            add_keys(other_connection, 5)
            await wait_until(lambda: count_old(other_connection) == 0)


@pytest.mark.parametrize("trigger", [_IN_COMMIT, _IN_DELETE], ids=["commit", "delete"])
async def test_end_of_the_block_interrupts_a_purge(
    own_database: ConnectedDatabase, other_connection: connection, trigger: str
) -> None:
    add_keys(other_connection, 3)
    with other_connection.cursor() as cursor:
        cursor.execute(_WAIT.format(trigger))
        async with asyncio.timeout(_TIMEOUT):
            async with periodic_purge(own_database, interval=0.01):
                await wait_until(lambda: _fetch(other_connection, _WAITING) > 0)
        assert count_old(other_connection) == 3


async def test_lifespan_purges_with_the_interval_of_the_settings(
    own_url: str, other_connection: connection, settings: Settings
) -> None:
    add_keys(other_connection, 5)
    changes = {"database_url": settings.model_validate({"DATABASE_URL": own_url}).database_url}
    app = create_app(settings.model_copy(update=changes | {"idempotency_purge_interval": 0.01}))
    async with app.router.lifespan_context(app):
        await wait_until(lambda: count_old(other_connection) == 0)


_ROLLED_BACK = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query = 'ROLLBACK;' AND pid <> pg_backend_pid()
"""
_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def _is_waiting_for_the_lock(other_connection: connection) -> bool:
    return _fetch(other_connection, _WAITING) > 0


def _fetch(other_connection: connection, statement: str) -> int:
    with other_connection.cursor() as cursor:
        cursor.execute(statement)
        (value,) = cursor.fetchone() or (0,)
        return int(value)
