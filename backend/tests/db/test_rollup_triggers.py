"""The rollups after statements that the service does not make, and what migrating does to them."""

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
from tests.support.rollups import WRONG

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
_KEPT: Final = """
    SELECT 0, hotel_id, star_rating, is_available, deal_count, price_sum FROM deal_rollup
    UNION ALL TABLE category_rollup
"""

_A_LINK: Final = "INSERT INTO deal_categories (deal_id, category_id) VALUES (1, 1)"
_MORE_STARS: Final = "UPDATE deals SET star_rating = 5 WHERE id = 1"
# Two deals take each other's place, so that the rollup of deals stays as it is and is not written.
_A_SWAP: Final = """
    UPDATE deals SET star_rating = 7 - twin.star_rating
    FROM (SELECT min(id) AS id, star_rating FROM deals WHERE star_rating < 5 GROUP BY star_rating) AS twin
    WHERE deals.id = twin.id
"""


@pytest.fixture
def catalogue(loading_database: str) -> Catalogue:
    """Nothing in it is wrong, and there is something in it."""
    catalogue = Catalogue(loading_database)
    catalogue.change(_DEALS)
    assert (catalogue.all(WRONG), catalogue.one("SELECT sum(deal_count) FROM deal_rollup")) == ([], 24)
    return catalogue


@pytest.fixture
def somebody(catalogue: Catalogue) -> Iterator[connection]:
    """A connection of its own."""
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
        _A_SWAP,
        # With three stars: one deal instead of two that cost as much together.
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
def test_a_statement_leaves_the_rollups_right(catalogue: Catalogue, statement: str) -> None:
    catalogue.change(statement)
    assert catalogue.all(WRONG) == []


def test_what_is_rolled_back_was_never_counted(catalogue: Catalogue, somebody: connection) -> None:
    before = catalogue.all(_KEPT)
    with somebody.cursor() as cursor:
        cursor.execute("UPDATE deals SET star_rating = 1, hotel_id = 1; DELETE FROM deals WHERE id < 5")
    somebody.rollback()
    assert catalogue.all(_KEPT) == before


def test_hotels_and_categories_go_with_their_rollups(catalogue: Catalogue) -> None:
    catalogue.change("DELETE FROM deals; DELETE FROM hotels WHERE id = 1; DELETE FROM categories WHERE id = 1")
    assert catalogue.one("SELECT count(*) > 0 AND bool_and(hotel_id = 2) FROM deal_rollup")
    assert catalogue.one("SELECT count(*) > 0 AND bool_and(hotel_id = 2 AND category_id > 1) FROM category_rollup")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (_MORE_STARS, _A_LINK),
        (_A_LINK, _MORE_STARS),
        (_A_SWAP, _A_LINK),
        (_A_LINK, _A_SWAP),
        ("DELETE FROM deal_categories WHERE deal_id = 2", "UPDATE deals SET star_rating = 5 WHERE id = 2"),
        ("UPDATE deals SET star_rating = 5 WHERE id = 2", "DELETE FROM deal_categories WHERE deal_id = 2"),
        (_MORE_STARS, "DELETE FROM deals WHERE id < 3"),
        (_MORE_STARS, "UPDATE deals SET hotel_id = 2 WHERE id = 1"),
    ],
)
def test_a_deal_and_its_links_may_be_changed_by_two_at_once(
    catalogue: Catalogue, somebody: connection, first: str, second: str
) -> None:
    with ThreadPoolExecutor() as pool, somebody.cursor() as cursor:
        cursor.execute(first)
        running = pool.submit(catalogue.change, second)
        catalogue.wait_for_a_blocked_session(unless=running.done)
        somebody.commit()
        running.result()
    assert catalogue.all(WRONG) == []


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_stricter_transaction_fails_rather_than_count_what_it_can_not_see(
    catalogue: Catalogue, somebody: connection, isolation: str
) -> None:
    with somebody.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}; SELECT FROM deals")
        catalogue.change(_MORE_STARS)
        with pytest.raises(psycopg2.errors.SerializationFailure):
            cursor.execute(_A_LINK)


def test_the_migration_counts_what_is_there_and_can_be_taken_back(catalogue: Catalogue, own_url: str) -> None:
    kept = sorted(catalogue.all(_KEPT))
    config = alembic_config(own_url)
    command.downgrade(config, "0005")
    catalogue.change("UPDATE deals SET star_rating = 1 WHERE id = 1")
    catalogue.change("UPDATE deals SET star_rating = 3 WHERE id = 1")
    command.upgrade(config, "0006")
    assert sorted(catalogue.all(_KEPT)) == kept
    catalogue.change(_A_SWAP)
    assert catalogue.all(WRONG) == []


def test_who_may_write_deals_need_not_be_allowed_to_write_rollups(catalogue: Catalogue, somebody: connection) -> None:
    with somebody.cursor() as cursor:
        cursor.execute("CREATE ROLE deals_writer; GRANT ALL ON deals, deal_categories TO deals_writer")
        cursor.execute("SET LOCAL ROLE deals_writer; CREATE TEMPORARY TABLE deal_rollup (LIKE pg_class)")
        for statement in (_MORE_STARS, _A_LINK, "DELETE FROM deals WHERE id = 2"):
            cursor.execute(statement)
        cursor.execute("RESET ROLE; DROP OWNED BY deals_writer; DROP ROLE deals_writer")
    somebody.commit()
    assert catalogue.all(WRONG) == []
