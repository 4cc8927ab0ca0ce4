"""The hotels and deals of a campaign, and the trigger that audits every write to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from faults.database import connect

HOTELS: Final = 8
_AUDIT_TRAIL: Final = """
    CREATE TABLE audit_trail (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        deal_id bigint NOT NULL, kind text NOT NULL, version integer NOT NULL,
        room_type text NOT NULL, price_per_night numeric NOT NULL
    );
    CREATE FUNCTION write_audit_trail() RETURNS trigger LANGUAGE plpgsql AS $body$
    DECLARE
        deal deals := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    BEGIN
        INSERT INTO audit_trail (deal_id, kind, version, room_type, price_per_night)
        VALUES (deal.id, lower(TG_OP), deal.version, deal.room_type, deal.price_per_night);
        RETURN NULL;
    END
    $body$;
    CREATE TRIGGER zz_write_audit_trail AFTER INSERT OR UPDATE OR DELETE ON deals
    FOR EACH ROW EXECUTE FUNCTION write_audit_trail();
"""
"""Records each written row in the transaction that writes it: the trail contains exactly the committed writes."""

_INSERT_HOTELS: Final = """
    INSERT INTO hotels (name, city, country, phone)
    SELECT 'Hotel ' || n, 'Toronto', 'Canada', '+1-416-555-' || n FROM generate_series(1, %s) AS n RETURNING id
"""
_INSERT_DEAL: Final = """
    INSERT INTO deals (hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
                       checkin_date, checkout_date)
    VALUES (%s, %s, %s, %s, 99999999, 0, '2026-03-01', '2026-03-04') RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Value:
    """The two columns that a write sets together; no two writes set the same pair."""

    room_type: str
    price_per_night: str

    @classmethod
    def from_token(cls, token: int) -> "Value":
        """The value of the write with this number."""
        return cls(f"token {token}", f"{token // 100}.{token % 100:02}")

    def __str__(self) -> str:
        return f"`{self.room_type}` at {self.price_per_night}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The ids of the hotels, and of the deals that all clients write to."""

    hotels: Sequence[int]
    deals: Sequence[int]

    @property
    def initial_values(self) -> list[Value]:
        """The values of the deals before the first operation."""
        return [Value.from_token(token) for token in range(1, len(self.deals) + 1)]


def install_audit_trail(url: str) -> None:
    """Record every later write to the deals."""
    with connect(url) as database, database.cursor() as cursor:
        cursor.execute(_AUDIT_TRAIL)


def reset_catalogue(url: str, *, deals: int) -> Catalogue:
    """Replace all data by a new catalogue, and empty the audit trail."""
    with connect(url) as database, database.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")  # the initial rows are durable, even where a mutant turns it off
        cursor.execute("TRUNCATE hotels, deals, audit_trail CASCADE")
        cursor.execute(_INSERT_HOTELS, (HOTELS,))
        hotels = [hotel_id for (hotel_id,) in cursor.fetchall()]
        deal_ids = [_insert_deal(cursor, token, hotels) for token in range(1, deals + 1)]
    return Catalogue(hotels, deal_ids)


def _insert_deal(cursor: Any, token: int, hotels: Sequence[int]) -> int:  # noqa: ANN401  psycopg2 is untyped
    value = Value.from_token(token)
    cursor.execute(_INSERT_DEAL, (hotels[token % len(hotels)], value.room_type, token % 5 + 1, value.price_per_night))
    (deal_id,) = cursor.fetchone()
    return int(deal_id)
