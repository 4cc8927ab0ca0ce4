"""The categories of the staged deals: before the deals are written their names, afterwards the links."""

from typing import Final

from psycopg2.extensions import cursor as Cursor  # noqa: N812  psycopg2 spells its classes in lower case

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
