"""The proxy does what its moods say, with PostgreSQL behind it; and it sees a COMMIT however it is cut."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import asyncpg
import pytest
from psycopg2.extensions import cursor

from faults.campaign import Stage
from faults.catalogue import connected
from faults.wire import Messages, is_commit


def message(kind: bytes, body: bytes) -> bytes:
    """As the protocol has it; the messages before the start have no kind."""
    return kind + (4 + len(body)).to_bytes(4) + body


_START: Final = message(b"", b"\x04\xd2\x16\x2f") + message(b"", b"\x00\x03\x00\x00user\x00a\x00\x00")
_COMMIT: Final = message(b"Q", b"COMMIT;\x00")
_INSERT: Final = message(b"Q", b"INSERT INTO commits VALUES (1)\x00")
_PREPARED: Final = message(b"P", b"one\x00commit\x00\x00\x00")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_messages_are_the_same_however_they_are_cut(size: int) -> None:
    sent, messages = _START + _INSERT + _COMMIT + _PREPARED, Messages()
    seen = [one for start in range(0, len(sent), size) for one in messages.feed(sent[start : start + size])]
    assert b"".join(seen) == sent
    assert [one for one in seen if is_commit(one)] == [_COMMIT, _PREPARED]


@dataclass(frozen=True, slots=True)
class Mood:
    """What becomes of a COMMIT in it."""

    name: str
    is_answered: bool
    is_done: bool | None
    """None where both may be."""
    seconds: float = 20.0
    """How long the client waits; a mood that says nothing needs no longer wait."""

    def __str__(self) -> str:
        return self.name


MOODS: Final = (
    Mood("calm", is_answered=True, is_done=True),
    Mood("latency", is_answered=True, is_done=True),
    Mood("reset", is_answered=False, is_done=False),
    Mood("refuse", is_answered=False, is_done=False),
    Mood("blackhole", is_answered=False, is_done=None, seconds=0.3),
    Mood("half_open", is_answered=False, is_done=False, seconds=0.3),
    Mood("cut_before_commit", is_answered=False, is_done=False),
    Mood("cut_after_commit", is_answered=False, is_done=True),
)


@pytest.fixture
def observer(stage: Stage) -> Iterator[cursor]:
    """A connection past the proxy, and a table for the test to write to."""
    with connected(stage.database.libpq_url) as database, database.cursor() as observer:
        observer.execute("CREATE TABLE commits (number integer)")
        yield observer
        stage.proxy.tell("calm")
        observer.execute("DROP TABLE commits")


@pytest.mark.parametrize("mood", MOODS, ids=str)
async def test_a_commit_meets_the_mood_of_the_proxy(stage: Stage, observer: cursor, mood: Mood) -> None:
    client = await asyncpg.connect(stage.proxy.url)
    await client.execute("BEGIN; INSERT INTO commits VALUES (1)")
    stage.proxy.tell(mood.name)
    try:
        await client.execute("COMMIT", timeout=mood.seconds)
        is_answered = True
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError):
        is_answered = False
    client.terminate()
    stage.proxy.tell("calm")
    assert is_answered is mood.is_answered
    observer.execute("LOCK TABLE commits; SELECT FROM commits")  # whoever is still at it ends first
    assert mood.is_done in {None, observer.rowcount == 1}


async def test_a_proxy_that_refuses_takes_no_connection(stage: Stage, observer: cursor) -> None:
    stage.proxy.tell("refuse")
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(stage.proxy.url)
