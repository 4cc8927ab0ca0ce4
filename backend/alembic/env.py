"""Alembic environment: runs migrations on a synchronous connection to the service's database."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.config import load_settings
from app.db.migrations import DEFAULT_LOCK_TIMEOUT, lock_migrations
from app.db.resolve import open_database
from app.db.urls import sync_url
from app.models import Deal


@contextmanager
def database_url() -> Iterator[str]:
    """Yield the URL in Alembic's config attributes, else that of the service's database."""
    url: str | None = context.config.attributes.get("url")
    if url is not None:
        yield url
    else:
        with open_database(load_settings()) as database:
            yield database.url


def run_offline() -> None:
    """Write the SQL of the migrations to standard output."""
    context.configure(dialect_name="postgresql", target_metadata=Deal.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run each migration in its own transaction, and no other migration or import at the same time."""
    timeout = context.config.attributes.get("lock_timeout", DEFAULT_LOCK_TIMEOUT)
    with database_url() as url, create_engine(sync_url(url), poolclass=NullPool).connect() as connection:
        lock_migrations(connection, timeout=timeout)
        context.configure(connection=connection, target_metadata=Deal.metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
