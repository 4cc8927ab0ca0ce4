"""Find rows that contradict other rows or the catalogue, and add them to the rejects."""

from typing import Final

from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.importer.types import NewPhone, OnConflict

_REJECT_EXISTING_IDS: Final = """
    INSERT INTO rejects (line, "column", value, reason)
    SELECT staged.line, 'id', staged.id, 'is already in the catalogue'
    FROM staged
    JOIN deals ON deals.external_id = staged.id
    ORDER BY staged.line
"""
_CREATE_TABLES: Final = """
    CREATE TEMPORARY TABLE new_phones (hotel_id bigint, phone text, line bigint) ON COMMIT DROP;
    CREATE TEMPORARY TABLE conflicting_rows (line bigint) ON COMMIT DROP;
    CREATE TEMPORARY TABLE accepted_hotels (
        name text,
        city text,
        country text,
        phone text UNIQUE,
        source text,
        UNIQUE (name, city, country)
    ) ON COMMIT DROP;
"""
_REJECTED_LINES: Final = "(SELECT line FROM rejects UNION SELECT line FROM conflicting_rows)"
_IS_VALID: Final = f"NOT EXISTS (SELECT FROM {_REJECTED_LINES} AS rejected WHERE rejected.line = staged.line)"
_VALID_ROWS: Final = f"(SELECT * FROM staged WHERE {_IS_VALID})"  # noqa: S608  only constants of this file
_FIRST_VALID_ROWS: Final = f"(SELECT DISTINCT ON (id) * FROM staged WHERE {_IS_VALID} ORDER BY id, line)"  # noqa: S608  only constants of this file
_HAS_REJECTS: Final = "SELECT EXISTS (SELECT FROM rejects)"
_HAS_REPEATED_IDS: Final = "SELECT EXISTS (SELECT FROM staged GROUP BY id HAVING count(*) > 1)"
_FIND_NEW_PHONES: Final = """
    INSERT INTO new_phones (hotel_id, phone, line)
    SELECT hotels.id, hotel_phone, line
    FROM (
        SELECT
            hotel_name, hotel_city, hotel_country, hotel_phone, min(line) AS line,
            count(*) OVER (PARTITION BY hotel_name, hotel_city, hotel_country) AS phones_of_hotel,
            count(*) OVER (PARTITION BY hotel_phone) AS hotels_of_phone
        FROM {} AS accepted_rows
        GROUP BY hotel_name, hotel_city, hotel_country, hotel_phone
    ) AS hotels_in_file
    JOIN hotels ON (name, city, country) = (hotel_name, hotel_city, hotel_country)
    WHERE hotel_phone <> hotels.phone AND phones_of_hotel = 1 AND hotels_of_phone = 1
        AND NOT EXISTS (SELECT FROM hotels AS other_hotels WHERE other_hotels.phone = hotel_phone)
"""
# The unique constraints admit each hotel that agrees with all before it.
_ACCEPT_HOTELS_OF_CATALOGUE: Final = """
    INSERT INTO accepted_hotels (name, city, country, phone, source)
    SELECT
        name, city, country, coalesce(new_phones.phone, hotels.phone),
        coalesce('on line ' || new_phones.line, 'in the catalogue')
    FROM hotels
    LEFT JOIN new_phones ON hotel_id = hotels.id
"""
_ACCEPT_HOTELS_OF: Final = """
    INSERT INTO accepted_hotels (name, city, country, phone, source)
    SELECT hotel_name, hotel_city, hotel_country, hotel_phone, 'on line ' || min(line)
    FROM {} AS accepted_rows
    WHERE num_nulls(hotel_name, hotel_city, hotel_country, hotel_phone) = 0
    GROUP BY hotel_name, hotel_city, hotel_country, hotel_phone
    ORDER BY min(line)
    ON CONFLICT DO NOTHING
"""
_WITH_PHONE_OF_OTHER_HOTEL: Final = """
    FROM staged
    JOIN accepted_hotels ON phone = hotel_phone
    WHERE (hotel_name, hotel_city, hotel_country) <> (name, city, country)
"""
_WITH_OTHER_PHONE_OF_HOTEL: Final = """
    FROM staged
    JOIN accepted_hotels ON (name, city, country) = (hotel_name, hotel_city, hotel_country)
    WHERE hotel_phone <> phone
"""
_FIND_CONFLICTING_ROWS: Final = f"""
    INSERT INTO conflicting_rows (line)
    (SELECT line {_WITH_PHONE_OF_OTHER_HOTEL} UNION SELECT line {_WITH_OTHER_PHONE_OF_HOTEL})
    EXCEPT SELECT line FROM conflicting_rows
"""  # noqa: S608  only constants of this file
_REJECT_REPEATED_IDS: Final = f"""
    INSERT INTO rejects (line, "column", value, reason)
    SELECT staged.line, 'id', staged.id, 'is also the id of line ' || owners.line
    FROM staged
    JOIN (
        SELECT id, coalesce(min(staged.line) FILTER (WHERE rejected.line IS NULL), min(staged.line)) AS line
        FROM staged
        LEFT JOIN {_REJECTED_LINES} AS rejected ON rejected.line = staged.line
        GROUP BY id
        HAVING count(*) > 1
    ) AS owners USING (id)
    WHERE staged.line <> owners.line
    ORDER BY staged.line
"""  # noqa: S608  only constants of this file
_REJECT_PHONES_OF_OTHER_HOTELS: Final = f"""
    INSERT INTO rejects (line, "column", value, reason)
    SELECT line, 'hotel_phone', hotel_phone, format('is the phone of %s in %s, %s %s', name, city, country, source)
    {_WITH_PHONE_OF_OTHER_HOTEL}
    ORDER BY line
"""
_REJECT_HOTELS_WITH_OTHER_PHONES: Final = f"""
    INSERT INTO rejects (line, "column", value, reason)
    SELECT line, 'hotel_name', hotel_name, format('in %s, %s has the phone %s %s', city, country, phone, source)
    {_WITH_OTHER_PHONE_OF_HOTEL}
    ORDER BY line
"""


def reject_conflicts(cursor: Cursor, *, on_conflict: OnConflict, new_phone: NewPhone) -> None:
    """Reject rows that repeat an id, or that combine a known phone or a known hotel with another one.

    The catalogue has precedence over the file, and an earlier row over a later one, but a row that is rejected for
    any reason has none: it claims neither its id nor its hotel nor its phone.
    """
    if on_conflict is OnConflict.ERROR:
        cursor.execute(_REJECT_EXISTING_IDS)
    cursor.execute(_CREATE_TABLES)
    has_repeated_ids = _query(cursor, _HAS_REPEATED_IDS)
    accepted_rows = _FIRST_VALID_ROWS if has_repeated_ids else _VALID_ROWS
    if new_phone is NewPhone.UPDATE:
        cursor.execute(_FIND_NEW_PHONES.format(accepted_rows))
    cursor.execute(_ACCEPT_HOTELS_OF_CATALOGUE)
    has_conflicting_rows = _find_conflicting_rows(cursor, accepted_rows)
    if has_conflicting_rows or has_repeated_ids or _query(cursor, _HAS_REJECTS):
        cursor.execute(_REJECT_REPEATED_IDS)
        cursor.execute(_ACCEPT_HOTELS_OF.format("staged"))  # for the problems of rows that are rejected anyway
        cursor.execute(_REJECT_PHONES_OF_OTHER_HOTELS)
        cursor.execute(_REJECT_HOTELS_WITH_OTHER_PHONES)


def _query(cursor: Cursor, question: str) -> bool:
    cursor.execute(question)
    return cursor.fetchone() == (True,)


def _find_conflicting_rows(cursor: Cursor, accepted_rows: str) -> bool:
    """Fill `conflicting_rows`, and return whether there are any.

    Such a row frees its id for a later row, if the hotel of that agrees with all others.
    """
    found = 0
    while True:
        cursor.execute(_ACCEPT_HOTELS_OF.format(accepted_rows))
        cursor.execute(_FIND_CONFLICTING_ROWS)
        if cursor.rowcount == 0:
            return found > 0
        found += cursor.rowcount
