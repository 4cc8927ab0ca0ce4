"""Find rows that contradict other rows or the catalogue, and add them to the rejects."""

from typing import Final

from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.importer.types import OnConflict

_REJECT_REPEATED_IDS: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT staged.line, 'id', staged.id, 'is already the id of line ' || first.line
    FROM staged
    JOIN (SELECT id, min(line) AS line FROM staged GROUP BY id HAVING count(*) > 1) AS first USING (id)
    WHERE staged.line > first.line
    ORDER BY staged.line
"""
_REJECT_EXISTING_IDS: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT staged.line, 'id', staged.id, 'is already in the catalogue'
    FROM staged
    JOIN deals ON deals.external_id = staged.id
    ORDER BY staged.line
"""

# The unique constraints admit each hotel that agrees with all before it: the catalogue's first, then the file's.
_CREATE_ACCEPTED_HOTELS: Final = """
    CREATE TEMPORARY TABLE accepted_hotels (
        name text,
        city text,
        country text,
        phone text UNIQUE,
        source text,
        UNIQUE (name, city, country)
    ) ON COMMIT DROP;
    INSERT INTO accepted_hotels (name, city, country, phone, source)
    SELECT name, city, country, phone, 'in the catalogue' FROM hotels;
    INSERT INTO accepted_hotels (name, city, country, phone, source)
    SELECT hotel_name, hotel_city, hotel_country, hotel_phone, 'on line ' || min(line)
    FROM staged
    WHERE num_nulls(hotel_name, hotel_city, hotel_country, hotel_phone) = 0
    GROUP BY hotel_name, hotel_city, hotel_country, hotel_phone
    ORDER BY min(line)
    ON CONFLICT DO NOTHING;
"""
_REJECT_PHONES_OF_OTHER_HOTELS: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT line, 'hotel_phone', hotel_phone, format('is the phone of %s in %s, %s %s', name, city, country, source)
    FROM staged
    JOIN accepted_hotels ON phone = hotel_phone
    WHERE (hotel_name, hotel_city, hotel_country) <> (name, city, country)
    ORDER BY line
"""
_REJECT_HOTELS_WITH_OTHER_PHONES: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT line, 'hotel_name', hotel_name, format('in %s, %s has the phone %s %s', city, country, phone, source)
    FROM staged
    JOIN accepted_hotels ON (name, city, country) = (hotel_name, hotel_city, hotel_country)
    WHERE hotel_phone <> phone
    ORDER BY line
"""


def reject_conflicts(cursor: Cursor, *, on_conflict: OnConflict) -> None:
    """Reject rows that repeat an id, or that combine a known phone or a known hotel with another one.

    The catalogue has precedence over the file, and an earlier row over a later one.
    """
    cursor.execute(_REJECT_REPEATED_IDS)
    if on_conflict is OnConflict.ERROR:
        cursor.execute(_REJECT_EXISTING_IDS)
    cursor.execute(_CREATE_ACCEPTED_HOTELS)
    cursor.execute(_REJECT_PHONES_OF_OTHER_HOTELS)
    cursor.execute(_REJECT_HOTELS_WITH_OTHER_PHONES)
