"""Each mode of the proxy has its effect on a real connection, and a COMMIT is recognized in any fragmentation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import asyncpg
import pytest
from psycopg2.extensions import cursor

from faults.database import connect
from faults.environment import Environment
from faults.proxy import NORMAL
from faults.proxy_connections import MessageParser, is_commit


def message(kind: bytes, body: bytes) -> bytes:
    """A protocol message; those up to the start-up message have no type byte."""
    return kind + (4 + len(body)).to_bytes(4) + body


_START_UP: Final = message(b"", b"\x04\xd2\x16\x2f") + message(b"", b"\x00\x03\x00\x00user\x00a\x00\x00")
_COMMIT: Final = message(b"Q", b"COMMIT;\x00")
_INSERT: Final = message(b"Q", b"INSERT INTO commits VALUES (1)\x00")
_PARSED_COMMIT: Final = message(b"P", b"one\x00commit\x00\x00\x00")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_parser_finds_commits_in_chunks_of_any_size(size: int) -> None:
    sent, parser = _START_UP + _INSERT + _COMMIT + _PARSED_COMMIT, MessageParser()
    messages = [one for start in range(0, len(sent), size) for one in parser.feed(sent[start : start + size])]
    assert b"".join(messages) == sent
    assert [one for one in messages if is_commit(one)] == [_COMMIT, _PARSED_COMMIT]


@dataclass(frozen=True, slots=True)
class Mode:
    """The effect of a mode on a COMMIT."""

    name: str
    is_acknowledged: bool
    is_committed: bool | None
    """None if both are possible."""
    timeout: float = 20.0
    """Short where no response is expected."""

    def __str__(self) -> str:
        return self.name


MODES: Final = (
    Mode(NORMAL, is_acknowledged=True, is_committed=True),
    Mode("latency", is_acknowledged=True, is_committed=True),
    Mode("reset", is_acknowledged=False, is_committed=False),
    Mode("down", is_acknowledged=False, is_committed=False),
    Mode("blackhole", is_acknowledged=False, is_committed=None, timeout=0.3),
    Mode("half_open", is_acknowledged=False, is_committed=False, timeout=0.3),
    Mode("cut_before_commit", is_acknowledged=False, is_committed=False),
    Mode("cut_after_commit", is_acknowledged=False, is_committed=True),
)


@pytest.fixture
def observer(environment: Environment) -> Iterator[cursor]:
    """A direct connection to the database, with a table for the test."""
    with connect(environment.database_url) as database, database.cursor() as observer:
        observer.execute("CREATE TABLE commits (number integer)")
        yield observer
        environment.proxy.set_mode(NORMAL)
        observer.execute("DROP TABLE commits")


@pytest.mark.parametrize("mode", MODES, ids=str)
async def test_mode_has_its_effect_on_a_commit(environment: Environment, observer: cursor, mode: Mode) -> None:
    client = await asyncpg.connect(environment.proxy.database_url)
    await client.execute("BEGIN; INSERT INTO commits VALUES (1)")
    environment.proxy.set_mode(mode.name)
    try:
        await client.execute("COMMIT", timeout=mode.timeout)
        is_acknowledged = True
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError):
        is_acknowledged = False
    client.terminate()
    environment.proxy.set_mode(NORMAL)
    assert is_acknowledged is mode.is_acknowledged
    observer.execute("LOCK TABLE commits; SELECT FROM commits")  # waits for the end of a transaction still running
    assert mode.is_committed in {None, observer.rowcount == 1}


async def test_down_mode_rejects_new_connections(environment: Environment, observer: cursor) -> None:
    environment.proxy.set_mode("down")
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(environment.proxy.database_url)
