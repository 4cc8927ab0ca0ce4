"""From the staged rows into the catalogue, one statement a table.

Locks are taken in the order categories, hotels, deals, and within a table by key, so that writers queue up. The deals
are locked as a table, so nobody else writes any until the import ends; readers do not wait. Their rollups are written
more than once in an import, which would otherwise meet other writers in any order.
"""

from typing import Final

from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.importer.types import MergeResult, OnConflict

_ADD_HOTELS: Final = """
    INSERT INTO hotels (name, city, country, phone)
    SELECT hotel_name, hotel_city, hotel_country, hotel_phone
    FROM staged
    WHERE NOT EXISTS (SELECT FROM hotels WHERE hotels.phone = staged.hotel_phone)
    GROUP BY hotel_name, hotel_city, hotel_country, hotel_phone
    ORDER BY min(line)
"""
_NOTE_CHANGES: Final = "CREATE TEMPORARY TABLE changed (deal_id bigint, line bigint) ON COMMIT DROP"
_UPDATE_DEALS: Final = """
    WITH outdated AS (
        SELECT deals.id AS deal_id, hotels.id AS hotel_id, staged.*
        FROM staged
        JOIN filed USING (categories)
        JOIN hotels ON hotels.phone = staged.hotel_phone
        JOIN deals ON deals.external_id = staged.id
        WHERE (
            deals.hotel_id, deals.room_type, deals.star_rating, deals.price_per_night, deals.original_price,
            deals.discount_percent, deals.checkin_date, deals.checkout_date, deals.is_available, deals.created_at
        ) IS DISTINCT FROM (
            hotels.id, staged.room_type, staged.hotel_star_rating, staged.price_per_night, staged.original_price,
            staged.discount_percent, staged.checkin_date, staged.checkout_date, staged.is_available, staged.created_at
        ) OR filed.category_ids <> ARRAY(
            SELECT category_id FROM deal_categories WHERE deal_id = deals.id ORDER BY category_id
        )
        ORDER BY deals.id
        FOR UPDATE OF deals
    ), updated AS (
        UPDATE deals
        SET hotel_id = outdated.hotel_id,
            room_type = outdated.room_type,
            star_rating = outdated.hotel_star_rating,
            price_per_night = outdated.price_per_night,
            original_price = outdated.original_price,
            discount_percent = outdated.discount_percent,
            checkin_date = outdated.checkin_date,
            checkout_date = outdated.checkout_date,
            is_available = outdated.is_available,
            created_at = outdated.created_at,
            version = deals.version + 1,
            updated_at = now()
        FROM outdated
        WHERE deals.id = outdated.deal_id
        RETURNING deals.id, outdated.line
    )
    INSERT INTO changed (deal_id, line) SELECT id, line FROM updated
"""
_INSERT_DEALS: Final = """
    WITH inserted AS (
        INSERT INTO deals (
            external_id, hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
            checkin_date, checkout_date, is_available, created_at
        )
        SELECT
            staged.id, hotels.id, room_type, hotel_star_rating, price_per_night, original_price, discount_percent,
            checkin_date, checkout_date, is_available, created_at
        FROM staged
        JOIN hotels ON hotels.phone = staged.hotel_phone
        WHERE NOT EXISTS (SELECT FROM deals WHERE deals.external_id = staged.id)
        ORDER BY line
        RETURNING id, external_id
    )
    INSERT INTO changed (deal_id, line)
    SELECT inserted.id, staged.line FROM inserted JOIN staged ON staged.id = inserted.external_id
"""
_KEEP_OTHER_WRITERS_OUT: Final = "LOCK TABLE deals IN SHARE ROW EXCLUSIVE MODE"
# A table that was filled a moment ago looks empty to the planner until then.
_REFRESH_STATISTICS: Final = "ANALYZE hotels, categories, deals, deal_categories"


def merge(cursor: Cursor, *, on_conflict: OnConflict, rows: int) -> MergeResult:
    """Write the `rows` staged rows. A deal that has its row's values already keeps its version and `updated_at`."""
    categories_added = add_categories(cursor)
    cursor.execute(_ADD_HOTELS)
    hotels_added = cursor.rowcount
    cursor.execute(_KEEP_OTHER_WRITERS_OUT)
    cursor.execute(_NOTE_CHANGES)
    updated = _changed_by(cursor, _UPDATE_DEALS) if on_conflict is OnConflict.UPDATE else 0
    inserted = _changed_by(cursor, _INSERT_DEALS)
    links_written = link_categories(cursor)
    if inserted or updated:
        cursor.execute(_REFRESH_STATISTICS)
    return MergeResult(
        hotels_added=hotels_added,
        categories_added=categories_added,
        deals_inserted=inserted,
        deals_updated=updated,
        deals_unchanged=rows - inserted - updated,
        links_written=links_written,
    )


def _changed_by(cursor: Cursor, statement: str) -> int:
    cursor.execute(statement)
    return cursor.rowcount


_ADD_CATEGORIES: Final = """
    INSERT INTO categories (name)
    SELECT name
    FROM (
        SELECT DISTINCT ON (lower(name)) name
        FROM (SELECT categories, min(line) AS line FROM staged GROUP BY categories) AS texts,
            unnest(string_to_array(categories, ',')) WITH ORDINALITY AS named (name, position)
        ORDER BY lower(name), line, position
    ) AS wanted
    WHERE NOT EXISTS (SELECT FROM categories WHERE lower(categories.name) = lower(wanted.name))
    ORDER BY lower(name)
"""
_RESOLVE_TEXTS: Final = """
    CREATE TEMPORARY TABLE filed ON COMMIT DROP AS
    SELECT texts.categories, ARRAY(
        SELECT DISTINCT categories.id
        FROM unnest(string_to_array(texts.categories, ',')) AS named (name)
        JOIN categories ON lower(categories.name) = lower(named.name)
        ORDER BY categories.id
    ) AS category_ids
    FROM (SELECT DISTINCT categories FROM staged) AS texts
"""
_UNLINK: Final = """
    DELETE FROM deal_categories
    USING changed JOIN staged USING (line) JOIN filed USING (categories)
    WHERE deal_categories.deal_id = changed.deal_id AND deal_categories.category_id <> ALL (filed.category_ids)
"""
_LINK: Final = """
    INSERT INTO deal_categories (deal_id, category_id)
    SELECT changed.deal_id, unnest(filed.category_ids) AS category_id
    FROM changed JOIN staged USING (line) JOIN filed USING (categories)
    ORDER BY deal_id, category_id
    ON CONFLICT DO NOTHING
"""


def add_categories(cursor: Cursor) -> int:
    """Add the names that are new whatever their case, in the first spelling; `filed` has the ids of every text."""
    cursor.execute(_ADD_CATEGORIES)
    added = cursor.rowcount
    cursor.execute(_RESOLVE_TEXTS)
    return added


def link_categories(cursor: Cursor) -> int:
    """Give every changed deal the links of its row, and count the new ones."""
    cursor.execute(_UNLINK)
    cursor.execute(_LINK)
    return cursor.rowcount
