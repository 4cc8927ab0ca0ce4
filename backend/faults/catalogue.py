"""What the service has to look after in a run, and the trail that everything written to it leaves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg2
from psycopg2.extensions import connection

HOTELS: Final = 8
_TRAIL: Final = """
    CREATE TABLE fault_trail (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        deal_id bigint NOT NULL, kind text NOT NULL, version integer NOT NULL,
        room_type text NOT NULL, price_per_night numeric NOT NULL
    );
    CREATE FUNCTION leave_fault_trail() RETURNS trigger LANGUAGE plpgsql AS $body$
    DECLARE
        deal deals := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    BEGIN
        INSERT INTO fault_trail (deal_id, kind, version, room_type, price_per_night)
        VALUES (deal.id, lower(TG_OP), deal.version, deal.room_type, deal.price_per_night);
        RETURN NULL;
    END
    $body$;
    CREATE TRIGGER zz_leave_fault_trail AFTER INSERT OR UPDATE OR DELETE ON deals
    FOR EACH ROW EXECUTE FUNCTION leave_fault_trail();
"""
"""Each row that is written is written down in the same transaction: what was committed, all of it, in order."""

_HOTEL: Final = """
    INSERT INTO hotels (name, city, country, phone)
    SELECT 'House ' || n, 'Toronto', 'Canada', '+1-416-555-' || n FROM generate_series(1, %s) AS n RETURNING id
"""
_DEAL: Final = """
    INSERT INTO deals (hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
                       checkin_date, checkout_date)
    VALUES (%s, %s, %s, %s, 99999999, 0, '2026-03-01', '2026-03-04') RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Value:
    """What a write leaves in a deal: two columns that belong together, and that no two writes have in common."""

    room_type: str
    price_per_night: str

    @classmethod
    def of(cls, token: int) -> "Value":
        """That of one write, known by its number."""
        return cls(f"token {token}", f"{token // 100}.{token % 100:02}")

    def __str__(self) -> str:
        return f"`{self.room_type}` at {self.price_per_night}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The hotels there are, and the deals that everybody writes to; the first tokens are theirs."""

    hotels: Sequence[int]
    deals: Sequence[int]

    @property
    def values(self) -> list[Value]:
        """Those of the deals at first."""
        return [Value.of(token) for token in range(1, len(self.deals) + 1)]


def leave_trail(url: str) -> None:
    """From now on everything that is written to deals leaves its trail."""
    with connected(url) as database, database.cursor() as cursor:
        cursor.execute(_TRAIL)


def fill(url: str, *, deals: int) -> Catalogue:
    """A new catalogue of `deals` deals, and nothing else."""
    with connected(url) as database, database.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")  # what is there at first is kept, whatever is planted
        cursor.execute("TRUNCATE hotels, deals, fault_trail CASCADE")
        cursor.execute(_HOTEL, (HOTELS,))
        hotels = [key for (key,) in cursor.fetchall()]
        keys = [_new_deal(cursor, token, hotels) for token in range(1, deals + 1)]
    return Catalogue(hotels, keys)


def _new_deal(cursor: Any, token: int, hotels: Sequence[int]) -> int:  # noqa: ANN401  psycopg2's
    value = Value.of(token)
    place = hotels[token % len(hotels)], value.room_type, token % 5 + 1, value.price_per_night
    cursor.execute(_DEAL, place)
    (key,) = cursor.fetchone()
    return int(key)


def version_of(url: str) -> str:
    """PostgreSQL's."""
    with connected(url) as database:
        return str(database.get_parameter_status("server_version")).split()[0]


@contextmanager
def connected(url: str) -> Iterator[connection]:
    """A connection of our own, on which each statement is a transaction."""
    database = psycopg2.connect(url)
    database.autocommit = True
    try:
        yield database
    finally:
        database.close()
