"""Find rows that contradict other rows or the catalogue, and add them to the rejects."""

from typing import Final

from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.importer.types import OnConflict

_REJECT_REPEATED_IDS: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT staged.line, 'id', staged.id, 'is also the id of line ' || owners.line
    FROM staged
    JOIN (
        SELECT id, coalesce(min(line) FILTER (WHERE rejected_line IS NULL), min(line)) AS line
        FROM staged
        LEFT JOIN (SELECT DISTINCT line AS rejected_line FROM rejects) AS rejected ON rejected_line = line
        GROUP BY id
        HAVING count(*) > 1
    ) AS owners USING (id)
    WHERE staged.line <> owners.line
    ORDER BY staged.line
"""
_REJECT_EXISTING_IDS: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT staged.line, 'id', staged.id, 'is already in the catalogue'
    FROM staged
    JOIN deals ON deals.external_id = staged.id
    ORDER BY staged.line
"""

# The unique constraints admit each hotel that agrees with all before it: those of the catalogue, then those of the
# file's valid rows, then those that occur in rejected rows only.
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
    SELECT hotel_name, hotel_city, hotel_country, hotel_phone, 'on line ' || first_line
    FROM (
        SELECT
            hotel_name, hotel_city, hotel_country, hotel_phone,
            bool_and(rejected_line IS NOT NULL) AS is_rejected,
            coalesce(min(line) FILTER (WHERE rejected_line IS NULL), min(line)) AS first_line
        FROM staged
        LEFT JOIN (SELECT DISTINCT line AS rejected_line FROM rejects) AS rejected ON rejected_line = line
        WHERE num_nulls(hotel_name, hotel_city, hotel_country, hotel_phone) = 0
        GROUP BY hotel_name, hotel_city, hotel_country, hotel_phone
    ) AS hotels_in_file
    ORDER BY is_rejected, first_line
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

    The catalogue has precedence over the file, a valid row over one that was rejected before, and an earlier row over a
    later one. Ids are compared before hotels, so a row that is rejected for its id does not claim its phone.
    """
    if on_conflict is OnConflict.ERROR:
        cursor.execute(_REJECT_EXISTING_IDS)
    cursor.execute(_REJECT_REPEATED_IDS)
    cursor.execute(_CREATE_ACCEPTED_HOTELS)
    cursor.execute(_REJECT_PHONES_OF_OTHER_HOTELS)
    cursor.execute(_REJECT_HOTELS_WITH_OTHER_PHONES)
