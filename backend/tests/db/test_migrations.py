"""Migrations: upgrade, downgrade, and the data migration of the categories."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.db.base import Base
from app.db.migrations import alembic_config, current_revision, head_revision, migrate
from app.db.urls import sync_url
from tests.support.databases import TestServer, connect


@pytest.fixture
def empty_url(server: TestServer) -> Iterator[str]:
    """The URL of a database without a schema."""
    with server.copy(template="template0") as url:
        yield url


def test_models_and_migrations_create_the_same_schema(own_url: str) -> None:
    command.check(alembic_config(own_url))


def test_history_has_one_head() -> None:
    assert ScriptDirectory.from_config(alembic_config("postgresql:///")).get_heads() == [head_revision()]


def test_every_migration_can_be_downgraded_and_upgraded_again(empty_url: str) -> None:
    config = alembic_config(empty_url)
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    for revision in reversed(revisions):
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    assert current_revision(empty_url) == head_revision()
    command.downgrade(config, "base")
    with create_engine(sync_url(empty_url), poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection)
        kinds = {
            difference[0] for difference in compare_metadata(context, Base.metadata) if isinstance(difference, tuple)
        }
    assert "add_table" in kinds
    assert "remove_table" not in kinds


def test_second_migrate_changes_nothing(empty_url: str) -> None:
    assert migrate(empty_url)
    assert not migrate(empty_url)


def test_categories_are_normalised_and_denormalised_without_loss(empty_url: str) -> None:
    config = alembic_config(empty_url)
    command.upgrade(config, "0003")
    names = ["beach", "business", "family", "luxury", "romantic"]
    with connect(empty_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO hotels (name, city, country, phone) VALUES ('Crown Tower', 'Toronto', 'Canada', '+1')"
        )
        cursor.execute(
            """
            INSERT INTO deals (hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
                               checkin_date, checkout_date, categories)
            SELECT 1, 'Suite', 5, 100, 120, 10, '2026-03-01', '2026-03-02',
                   array_to_string((%s::text[])[1 + n %% 5 : 1 + n %% 5 + n %% 3], ' ,')
            FROM generate_series(1, 50000) AS n
            """,
            [names],
        )
        cursor.execute("UPDATE deals SET categories = ' Luxury,luxury,, romantic ,luxury' WHERE id = 1")
        cursor.execute("SELECT sum(cardinality(string_to_array(categories, ','))) + 2 FROM deals WHERE id > 1")
        links = cursor.fetchone()

    command.upgrade(config, "0004")
    with connect(empty_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(lower(name) ORDER BY lower(name)) FROM categories")
        assert cursor.fetchone() == (names,)
        cursor.execute("SELECT count(*) FROM deal_categories")
        assert cursor.fetchone() == links

    command.downgrade(config, "0003")
    with connect(empty_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT sum(cardinality(string_to_array(categories, ','))) FROM deals")
        assert cursor.fetchone() == links
        cursor.execute("SELECT lower(categories) FROM deals WHERE id = 1")
        assert cursor.fetchone() == ("luxury,romantic",)

    command.upgrade(config, "0004")
    with connect(empty_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM deal_categories")
        assert cursor.fetchone() == links


def test_categories_that_are_equal_now_are_merged(empty_url: str) -> None:
    config = alembic_config(empty_url)
    command.upgrade(config, "0009")
    with connect(empty_url) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO hotels (name, city, country, phone) VALUES ('A', 'B', 'C', '+1')")
        cursor.execute(
            """
            INSERT INTO deals (hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
                               checkin_date, checkout_date)
            SELECT 1, 'Suite', 5, 100, 120, 10, '2026-03-01', '2026-03-02' FROM generate_series(1, 4);
            INSERT INTO categories (name) VALUES (U&'\\03BF\\03C2'), ('sea'), (U&'\\03BF\\03C3'), (U&'\\039F\\03A3s');
            INSERT INTO deal_categories VALUES (1, 1), (1, 3), (2, 3), (2, 2), (3, 2), (4, 4)
            """
        )
    command.upgrade(config, "0010")
    with connect(empty_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(id ORDER BY id) FROM categories")
        assert cursor.fetchone() == ([1, 2, 4],)
        cursor.execute(
            "SELECT array_agg((deal_id, category_id)::text ORDER BY deal_id, category_id) FROM deal_categories"
        )
        assert cursor.fetchone() == (["(1,1)", "(2,1)", "(2,2)", "(3,2)", "(4,4)"],)
        cursor.execute("SELECT array_agg((category_id, deal_count)::text ORDER BY category_id) FROM category_rollup")
        assert cursor.fetchone() == (["(1,2)", "(2,2)", "(4,1)"],)
    command.downgrade(config, "0009")


def test_migration_whose_last_steps_failed_can_be_repeated(own_url: str) -> None:
    with connect(own_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = '0009'")
        cursor.execute("CREATE INDEX ix_hotels_lower_country ON hotels (lower(country))")
    assert migrate(own_url)
    command.check(alembic_config(own_url))


def add_catalogue(url: str) -> None:
    """A hotel, two deals with versions, categories, an idempotency key; at the newest revision."""
    with connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO hotels (name, city, country, phone) VALUES ('A', 'B', 'C', '+1');
            INSERT INTO deals (hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
                               checkin_date, checkout_date, version, updated_at)
            SELECT 1, 'Suite', 5, 100, 120, 10, '2026-03-01', '2026-03-02', 7, '2026-04-01' FROM generate_series(1, 2);
            INSERT INTO categories (name) VALUES ('sea'), ('Spa'), ('unused');
            INSERT INTO deal_categories VALUES (1, 1), (1, 2), (2, 2);
            INSERT INTO idempotency_keys (client, key, fingerprint) VALUES ('', 'k', '')
            """
        )


CATALOGUE = """
    SELECT (SELECT string_agg(hotels::text, ' ') FROM hotels),
        (SELECT string_agg((id, room_type, price_per_night, created_at)::text, ' ' ORDER BY id) FROM deals),
        (SELECT string_agg((deal_id, name)::text, ' ' ORDER BY deal_id, name)
            FROM deal_categories JOIN categories ON categories.id = category_id),
        (SELECT string_agg((star_rating, is_available, deal_count, price_sum)::text, ' ') FROM deal_rollup),
        (SELECT count(*) FROM category_rollup)
"""


def test_downgrade_and_upgrade_preserve_the_catalogue(empty_url: str) -> None:
    """Versions, unused categories and idempotency keys are lost, as the migrations document."""
    config = alembic_config(empty_url)
    command.upgrade(config, "head")
    add_catalogue(empty_url)

    def read() -> tuple[object, ...] | None:
        with connect(empty_url) as connection, connection.cursor() as cursor:
            cursor.execute(CATALOGUE)
            return cursor.fetchone()

    before = read()
    command.downgrade(config, "0001")
    command.upgrade(config, "head")
    assert read() == before


@pytest.mark.parametrize(
    ("statement", "revision", "message"),
    [
        ("SELECT 1", "base", "would delete all hotels and deals"),
        ("UPDATE categories SET name = 'a,b' WHERE id = 1", "0003", "'a,b' contains a comma"),
        ("INSERT INTO categories (name) VALUES (',')", "0003", "',' contains a comma"),
        (
            "INSERT INTO api_keys VALUES ('0123456789ab', 'me', sha256(''), ARRAY['deals:admin'])",
            "0008",
            "would delete all API keys",
        ),
    ],
)
def test_downgrade_that_would_lose_data_is_rejected_in_one_sentence(
    empty_url: str, statement: str, revision: str, message: str
) -> None:
    config = alembic_config(empty_url)
    command.upgrade(config, "head")
    add_catalogue(empty_url)
    with connect(empty_url) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(CommandError, match=message) as error:
        command.downgrade(config, revision)
    assert str(error.value).count(".") == 1
    with connect(empty_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM hotels")
        assert cursor.fetchone() == (1,)


def test_every_migration_documents_the_loss_of_its_downgrade() -> None:
    scripts = ScriptDirectory.from_config(alembic_config("postgresql:///")).walk_revisions()
    assert [script.revision for script in scripts if "The downgrade" not in (script.longdoc or "")] == []
