"""The history of the schema, up and down, with data."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.db.base import Base
from app.db.migrations import alembic_config, current_revision, migrate, newest_revision
from app.db.urls import sync_url
from databases import TestServer


@pytest.fixture
def empty_url(server: TestServer) -> Iterator[str]:
    """The URL of a database without a schema."""
    with server.copy(template="template0") as url:
        yield url


def test_models_and_migrations_make_the_same_schema(own_url: str) -> None:
    command.check(alembic_config(own_url))


def test_the_history_has_one_head() -> None:
    assert ScriptDirectory.from_config(alembic_config("postgresql:///")).get_heads() == [newest_revision()]


def test_every_step_can_be_taken_back_and_taken_again(empty_url: str) -> None:
    config = alembic_config(empty_url)
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    for revision in reversed(revisions):
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    assert current_revision(empty_url) == newest_revision()
    command.downgrade(config, "base")
    with create_engine(sync_url(empty_url), poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection)
        kinds = {
            difference[0] for difference in compare_metadata(context, Base.metadata) if isinstance(difference, tuple)
        }
    assert "add_table" in kinds
    assert "remove_table" not in kinds


def test_migrating_twice_does_nothing(empty_url: str) -> None:
    assert migrate(empty_url)
    assert not migrate(empty_url)
