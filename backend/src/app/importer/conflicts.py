"""What is wrong between rows, or between a row and the catalogue. All of it goes into the rejects."""

from typing import Final

from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.importer.types import OnConflict

_REPEATED_IDS: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT staged.line, 'id', staged.id, 'is the id of line ' || first.line || ' already'
    FROM staged
    JOIN (SELECT id, min(line) AS line FROM staged GROUP BY id HAVING count(*) > 1) AS first USING (id)
    WHERE staged.line > first.line
    ORDER BY staged.line
"""
_KNOWN_IDS: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT staged.line, 'id', staged.id, 'is in the catalogue already'
    FROM staged
    JOIN deals ON deals.external_id = staged.id
    ORDER BY staged.line
"""

# The two constraints let each hotel in that fits to all before it: the catalogue's, then the file's as they come.
_CLAIM_HOTELS: Final = """
    CREATE TEMPORARY TABLE claimed (
        name text,
        city text,
        country text,
        phone text UNIQUE,
        place text,
        UNIQUE (name, city, country)
    ) ON COMMIT DROP;
    INSERT INTO claimed (name, city, country, phone, place)
    SELECT name, city, country, phone, 'in the catalogue' FROM hotels;
    INSERT INTO claimed (name, city, country, phone, place)
    SELECT hotel_name, hotel_city, hotel_country, hotel_phone, 'on line ' || min(line)
    FROM staged
    WHERE num_nulls(hotel_name, hotel_city, hotel_country, hotel_phone) = 0
    GROUP BY hotel_name, hotel_city, hotel_country, hotel_phone
    ORDER BY min(line)
    ON CONFLICT DO NOTHING;
"""
_PHONES_OF_OTHER_HOTELS: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT line, 'hotel_phone', hotel_phone, format('is the phone of %s in %s, %s %s', name, city, country, place)
    FROM staged
    JOIN claimed ON phone = hotel_phone
    WHERE (hotel_name, hotel_city, hotel_country) <> (name, city, country)
    ORDER BY line
"""
_HOTELS_WITH_OTHER_PHONES: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT line, 'hotel_name', hotel_name, format('in %s, %s has the phone %s %s', city, country, phone, place)
    FROM staged
    JOIN claimed ON (name, city, country) = (hotel_name, hotel_city, hotel_country)
    WHERE hotel_phone <> phone
    ORDER BY line
"""


def find_conflicts(cursor: Cursor, *, on_conflict: OnConflict) -> None:
    """The first row wins: later ones with its id, or with its phone or its hotel but not both, are rejected."""
    cursor.execute(_REPEATED_IDS)
    if on_conflict is OnConflict.ERROR:
        cursor.execute(_KNOWN_IDS)
    cursor.execute(_CLAIM_HOTELS)
    cursor.execute(_PHONES_OF_OTHER_HOTELS)
    cursor.execute(_HOTELS_WITH_OTHER_PHONES)
