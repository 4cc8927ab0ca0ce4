"""The rollup triggers, under statements that the service does not send, and their migration."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

import psycopg2
import pytest
from alembic import command
from psycopg2.extensions import connection

from app.db.migrations import alembic_config
from tests.support.import_catalogue import Catalogue
from tests.support.rollups import MISMATCHES

# 24 deals: every combination of two hotels, three ratings and both availabilities, at two prices.
_DEALS: Final = """
    INSERT INTO hotels (name, city, country, phone) VALUES ('A', 'Rome', 'Italy', '1'), ('B', 'Oslo', 'Norway', '2');
    INSERT INTO categories (name) VALUES ('beach'), ('family'), ('luxury');
    INSERT INTO deals (
        hotel_id, room_type, star_rating, is_available, price_per_night, original_price, discount_percent,
        checkin_date, checkout_date
    )
    SELECT hotel_id, 'Suite', star_rating, is_available, price, price, 0, '2026-03-01', '2026-03-02'
    FROM generate_series(1, 2) AS hotel_id, generate_series(3, 5) AS star_rating,
        unnest(ARRAY[true, false]) AS is_available, unnest(ARRAY[10.01, 99.99]) AS price
    ORDER BY hotel_id, star_rating, is_available, price;
    INSERT INTO deal_categories (deal_id, category_id)
    SELECT deals.id, categories.id FROM deals JOIN categories ON deals.id % (categories.id + 1) = 0;
"""
_STORED: Final = """
    SELECT 0, hotel_id, star_rating, is_available, deal_count, price_sum FROM deal_rollup
    UNION ALL TABLE category_rollup
"""

_INSERT_LINK: Final = "INSERT INTO deal_categories (deal_id, category_id) VALUES (1, 1)"
_UPDATE_STARS: Final = "UPDATE deals SET star_rating = 5 WHERE id = 1"
# Two deals swap their ratings, so that deal_rollup does not change and is not written.
_SWAP_STARS: Final = """
    UPDATE deals SET star_rating = 7 - twin.star_rating
    FROM (SELECT min(id) AS id, star_rating FROM deals WHERE star_rating < 5 GROUP BY star_rating) AS twin
    WHERE deals.id = twin.id
"""


@pytest.fixture
def catalogue(own_dsn: str) -> Catalogue:
    """A catalogue of 24 deals, with correct rollups."""
    catalogue = Catalogue(own_dsn)
    catalogue.change(_DEALS)
    assert (catalogue.all(MISMATCHES), catalogue.one("SELECT sum(deal_count) FROM deal_rollup")) == ([], 24)
    return catalogue


@pytest.fixture
def other_connection(catalogue: Catalogue) -> Iterator[connection]:
    """A connection in a transaction of its own."""
    with closing(psycopg2.connect(catalogue.dsn)) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE deals SET star_rating = 8 - star_rating, price_per_night = price_per_night + id",
        "UPDATE deals SET hotel_id = 3 - hotel_id, is_available = NOT is_available WHERE id % 3 > 0",
        "UPDATE deals SET price_per_night = price_per_night * 1.1",
        "UPDATE deals SET star_rating = 5 - star_rating % 2, price_per_night = 0.01 WHERE id % 2 = 0",
        "UPDATE deals SET version = version + 1",
        "UPDATE deals SET star_rating = 1 WHERE false",
        _SWAP_STARS,
        # Replaces two three-star deals by one with the same total price.
        """
        UPDATE deals
        SET star_rating = 8 - star_rating, price_per_night = CASE star_rating WHEN 3 THEN price_per_night ELSE 110 END
        WHERE star_rating = 3 OR star_rating = 5 AND price_per_night = 99.99
        """,
        "DELETE FROM deals",
        "DELETE FROM deals WHERE hotel_id = 1",
        "DELETE FROM deals WHERE id % 5 = 1",
        "TRUNCATE deals CASCADE",
        "TRUNCATE deal_categories",
        "TRUNCATE hotels, categories CASCADE",
        "DELETE FROM deal_categories",
        "DELETE FROM deal_categories WHERE category_id = 1 AND deal_id % 4 = 0",
        "INSERT INTO deal_categories SELECT id, 3 FROM deals ON CONFLICT DO NOTHING",
        "UPDATE deal_categories SET category_id = 4 - category_id WHERE category_id <> 2 AND deal_id % 4 <> 0",
        "UPDATE deal_categories SET deal_id = deal_id - 1 WHERE category_id = 3",
        "WITH freed AS (DELETE FROM deal_categories WHERE category_id = 2) UPDATE deals SET version = version + 1",
        """
        INSERT INTO deals SELECT (deals).* FROM (SELECT deals FROM deals) AS those WHERE (deals).id < 9
        ON CONFLICT (id) DO UPDATE SET star_rating = 1, price_per_night = deals.price_per_night + 1
        """,
        """
        MERGE INTO deals USING deals AS old ON deals.id = old.id + 12
        WHEN MATCHED AND old.id % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET hotel_id = 1, star_rating = 2
        """,
    ],
)
def test_rollups_match_the_deals_after_a_statement(catalogue: Catalogue, statement: str) -> None:
    catalogue.change(statement)
    assert catalogue.all(MISMATCHES) == []


def test_rollups_are_unchanged_after_a_rollback(catalogue: Catalogue, other_connection: connection) -> None:
    before = catalogue.all(_STORED)
    with other_connection.cursor() as cursor:
        cursor.execute("UPDATE deals SET star_rating = 1, hotel_id = 1; DELETE FROM deals WHERE id < 5")
    other_connection.rollback()
    assert catalogue.all(_STORED) == before


def test_deleting_hotels_and_categories_deletes_their_rollups(catalogue: Catalogue) -> None:
    catalogue.change("DELETE FROM deals; DELETE FROM hotels WHERE id = 1; DELETE FROM categories WHERE id = 1")
    assert catalogue.one("SELECT count(*) > 0 AND bool_and(hotel_id = 2) FROM deal_rollup")
    assert catalogue.one("SELECT count(*) > 0 AND bool_and(hotel_id = 2 AND category_id > 1) FROM category_rollup")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (_UPDATE_STARS, _INSERT_LINK),
        (_INSERT_LINK, _UPDATE_STARS),
        (_SWAP_STARS, _INSERT_LINK),
        (_INSERT_LINK, _SWAP_STARS),
        ("DELETE FROM deal_categories WHERE deal_id = 2", "UPDATE deals SET star_rating = 5 WHERE id = 2"),
        ("UPDATE deals SET star_rating = 5 WHERE id = 2", "DELETE FROM deal_categories WHERE deal_id = 2"),
        (_UPDATE_STARS, "DELETE FROM deals WHERE id < 3"),
        (_UPDATE_STARS, "UPDATE deals SET hotel_id = 2 WHERE id = 1"),
    ],
)
def test_rollups_match_the_deals_after_concurrent_statements(
    catalogue: Catalogue, other_connection: connection, first: str, second: str
) -> None:
    with ThreadPoolExecutor() as pool, other_connection.cursor() as cursor:
        cursor.execute(first)
        running = pool.submit(catalogue.change, second)
        catalogue.wait_for_a_blocked_session(unless=running.done)
        other_connection.commit()
        running.result()
    assert catalogue.all(MISMATCHES) == []


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_stricter_isolation_levels_fail_with_a_serialization_error(
    catalogue: Catalogue, other_connection: connection, isolation: str
) -> None:
    with other_connection.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}; SELECT FROM deals")
        catalogue.change(_UPDATE_STARS)
        with pytest.raises(psycopg2.errors.SerializationFailure):
            cursor.execute(_INSERT_LINK)


def test_migration_fills_the_rollups_and_can_be_reverted(catalogue: Catalogue, own_url: str) -> None:
    stored = sorted(catalogue.all(_STORED))
    config = alembic_config(own_url)
    command.downgrade(config, "0005")
    catalogue.change("UPDATE deals SET star_rating = 1 WHERE id = 1")
    catalogue.change("UPDATE deals SET star_rating = 3 WHERE id = 1")
    command.upgrade(config, "0006")
    assert sorted(catalogue.all(_STORED)) == stored
    catalogue.change(_SWAP_STARS)
    assert catalogue.all(MISMATCHES) == []


def test_writing_deals_requires_no_privileges_on_the_rollups(
    catalogue: Catalogue, other_connection: connection
) -> None:
    with other_connection.cursor() as cursor:
        cursor.execute("CREATE ROLE deals_writer; GRANT ALL ON deals, deal_categories TO deals_writer")
        cursor.execute("SET LOCAL ROLE deals_writer; CREATE TEMPORARY TABLE deal_rollup (LIKE pg_class)")
        for statement in (_UPDATE_STARS, _INSERT_LINK, "DELETE FROM deals WHERE id = 2"):
            cursor.execute(statement)
        cursor.execute("RESET ROLE; DROP OWNED BY deals_writer; DROP ROLE deals_writer")
    other_connection.commit()
    assert catalogue.all(MISMATCHES) == []
