"""Write the staged rows to the catalogue, with one statement per table.

Locks are taken in the order categories, hotels, deals, and within a table by key, so that concurrent writers wait for
each other instead of deadlocking. `deals` is locked against all writers until the import ends, because the triggers
that maintain the rollups run several times in an import and would lock rollup rows in any order. Readers do not wait.
"""

from typing import Final

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

from app.db.encoding import FOLD
from app.importer.types import COLUMNS, MergeResult, OnConflict

_FOLDED_CATEGORY: Final = FOLD.format("categories.name")
_ADD_CATEGORIES: Final = f"""
    INSERT INTO categories (name)
    SELECT name
    FROM (
        SELECT DISTINCT ON ({FOLD.format("name")}) name
        FROM (SELECT categories, min(line) AS line FROM staged GROUP BY categories) AS cells,
            unnest(string_to_array(categories, ',')) WITH ORDINALITY AS names (name, position)
        ORDER BY {FOLD.format("name")}, line, position
    ) AS first_spellings
    WHERE NOT EXISTS (SELECT FROM categories WHERE {_FOLDED_CATEGORY} = {FOLD.format("first_spellings.name")})
    ORDER BY {FOLD.format("name")}
"""  # noqa: S608  only constants of this file
_RESOLVE_CATEGORIES: Final = f"""
    CREATE TEMPORARY TABLE category_sets ON COMMIT DROP AS
    SELECT cells.categories, ARRAY(
        SELECT DISTINCT categories.id
        FROM unnest(string_to_array(cells.categories, ',')) AS names (name)
        JOIN categories ON {_FOLDED_CATEGORY} = {FOLD.format("names.name")}
        ORDER BY categories.id
    ) AS category_ids
    FROM (SELECT DISTINCT categories FROM staged) AS cells
"""  # noqa: S608  only constants of this file
_UPDATE_PHONES: Final = """
    UPDATE hotels SET phone = new_phones.phone FROM new_phones WHERE new_phones.hotel_id = hotels.id
"""
_ADD_HOTELS: Final = """
    INSERT INTO hotels (name, city, country, phone)
    SELECT hotel_name, hotel_city, hotel_country, hotel_phone
    FROM staged
    WHERE NOT EXISTS (SELECT FROM hotels WHERE hotels.phone = staged.hotel_phone)
    GROUP BY hotel_name, hotel_city, hotel_country, hotel_phone
    ORDER BY min(line)
"""
_LOCK_DEALS: Final = "LOCK TABLE deals IN SHARE ROW EXCLUSIVE MODE"
_CREATE_CHANGED: Final = "CREATE TEMPORARY TABLE changed (deal_id bigint, line bigint) ON COMMIT DROP"

_VALUES: Final = {"hotel_id": sql.SQL("hotels.id")} | {
    column.deal_column: sql.SQL("staged.{}").format(sql.Identifier(column.name))
    for column in COLUMNS
    if column.deal_column
}
"""The columns of `deals` that an import writes, each with its value."""


def _format(statement: str) -> sql.Composed:
    """Fill in the lists of columns and values of a deal."""
    columns = [sql.Identifier(column) for column in _VALUES]
    comma = sql.SQL(", ")
    return sql.SQL(statement).format(
        columns=comma.join(columns),
        values=comma.join(_VALUES.values()),
        stored=comma.join(sql.SQL("deals.{}").format(column) for column in columns),
        named_values=comma.join(
            sql.SQL("{} AS {}").format(value, sql.Identifier(column)) for column, value in _VALUES.items()
        ),
        assignments=comma.join(sql.SQL("{} = outdated.{}").format(column, column) for column in columns),
    )


_UPDATE_DEALS: Final = _format("""
    WITH outdated AS (
        SELECT deals.id AS deal_id, staged.line, {named_values}
        FROM staged
        JOIN category_sets USING (categories)
        JOIN hotels ON hotels.phone = staged.hotel_phone
        JOIN deals ON deals.external_id = staged.id
        WHERE ({stored}) IS DISTINCT FROM ({values})
            OR category_sets.category_ids <> ARRAY(
                SELECT category_id FROM deal_categories WHERE deal_id = deals.id ORDER BY category_id
            )
        ORDER BY deals.id
        FOR UPDATE OF deals
    ), updated AS (
        UPDATE deals
        SET {assignments}, version = deals.version + 1, updated_at = now()
        FROM outdated
        WHERE deals.id = outdated.deal_id
        RETURNING deals.id, outdated.line
    )
    INSERT INTO changed (deal_id, line) SELECT id, line FROM updated
""")
_INSERT_DEALS: Final = _format("""
    WITH inserted AS (
        INSERT INTO deals ({columns})
        SELECT {values}
        FROM staged
        JOIN hotels ON hotels.phone = staged.hotel_phone
        WHERE NOT EXISTS (SELECT FROM deals WHERE deals.external_id = staged.id)
        ORDER BY line
        RETURNING id, external_id
    )
    INSERT INTO changed (deal_id, line)
    SELECT inserted.id, staged.line FROM inserted JOIN staged ON staged.id = inserted.external_id
""")
_UNLINK_CATEGORIES: Final = """
    DELETE FROM deal_categories
    USING changed JOIN staged USING (line) JOIN category_sets USING (categories)
    WHERE deal_categories.deal_id = changed.deal_id AND deal_categories.category_id <> ALL (category_sets.category_ids)
"""
_LINK_CATEGORIES: Final = """
    INSERT INTO deal_categories (deal_id, category_id)
    SELECT changed.deal_id, unnest(category_sets.category_ids) AS category_id
    FROM changed JOIN staged USING (line) JOIN category_sets USING (categories)
    ORDER BY deal_id, category_id
    ON CONFLICT DO NOTHING
"""
# Without this the planner treats freshly filled tables as empty.
_ANALYZE: Final = "ANALYZE hotels, categories, deals, deal_categories"


def merge(cursor: Cursor, *, on_conflict: OnConflict, rows: int) -> MergeResult:
    """Write the staged rows. An identical deal keeps its version and `updated_at`.

    `rows` is the number of valid rows in the file: the staged rows and the skipped ones.
    """
    categories_added = _execute(cursor, _ADD_CATEGORIES)
    cursor.execute(_RESOLVE_CATEGORIES)
    phones_updated = _execute(cursor, _UPDATE_PHONES)
    hotels_added = _execute(cursor, _ADD_HOTELS)
    cursor.execute(_LOCK_DEALS)
    cursor.execute(_CREATE_CHANGED)
    updated = _execute(cursor, _UPDATE_DEALS) if on_conflict is OnConflict.UPDATE else 0
    inserted = _execute(cursor, _INSERT_DEALS)
    cursor.execute(_UNLINK_CATEGORIES)
    links_written = _execute(cursor, _LINK_CATEGORIES)
    if inserted or updated:
        cursor.execute(_ANALYZE)
    return MergeResult(
        hotels_added=hotels_added,
        phones_updated=phones_updated,
        categories_added=categories_added,
        deals_inserted=inserted,
        deals_updated=updated,
        deals_unchanged=rows - inserted - updated,
        links_written=links_written,
    )


def _execute(cursor: Cursor, statement: str | sql.Composed) -> int:
    """Execute the statement, and return the number of rows that it wrote."""
    cursor.execute(statement)
    return cursor.rowcount
