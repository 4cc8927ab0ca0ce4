"""Maintenance of a database: verify the rollups, purge idempotency keys; and the connection that commands use."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

from app.cli.errors import MISSING_PRIVILEGE, get_driver_message
from app.config import Settings
from app.db.errors import DATABASE_ERRORS, get_driver_error
from app.db.session import ConnectedDatabase
from app.errors import OutcomeUnknownError
from app.repositories.rollups import ROLLUPS, Mismatch, RollupCheck, RollupQueries, Totals
from app.services.idempotency import purge_expired_keys

_REASONS: Final = {
    "42P01": "The database does not have this version's tables: run `deals migrate`.",
    "42501": MISSING_PRIVILEGE,
    "25006": MISSING_PRIVILEGE,  # its transactions are read-only
}
"""By SQLSTATE."""


class MaintenanceError(Exception):
    """The database rejected a command. The message is one sentence."""


async def verify_rollups(url: str, settings: Settings) -> list[RollupCheck]:
    """Compare each rollup with a count of all deals. Raises MaintenanceError."""
    async with connect(url, settings) as database:
        return [await RollupQueries(database.reads).check(rollup) for rollup in ROLLUPS]


async def purge_idempotency_keys(url: str, settings: Settings) -> int:
    """Delete expired idempotency keys; returns their number. Raises MaintenanceError."""
    async with connect(url, settings) as database:
        return await purge_expired_keys(database, wait=True)


def format_report(check: RollupCheck) -> Iterator[str]:
    """The lines of a report on one rollup."""
    summary = f"{check.rollup}: {check.rows:,} rows that count {check.deals:,} deals"
    if not check.mismatches:
        yield f"{summary}, all correct."
        return
    yield f"{summary}, {check.mismatches:,} wrong:"
    for mismatch in check.samples:
        yield f"  {_format_mismatch(mismatch)}"
    if unlisted := check.mismatches - len(check.samples):
        yield f"  and {unlisted:,} more"


def _format_mismatch(mismatch: Mismatch) -> str:
    def format_totals(totals: Totals) -> str:
        return f"{totals.deals:,} for {totals.prices:,.2f}"

    category = "" if mismatch.category_id is None else f"category {mismatch.category_id}, "
    availability = "available" if mismatch.is_available else "not available"
    group = f"{category}hotel {mismatch.hotel_id}, stars {mismatch.star_rating}, {availability}"
    return f"{group}: stored {format_totals(mismatch.stored)}, counted {format_totals(mismatch.actual)}"


@asynccontextmanager
async def connect(url: str, settings: Settings) -> AsyncIterator[ConnectedDatabase]:
    """The database with the timeouts of maintenance commands. Raises MaintenanceError for all database errors."""
    timeout = settings.maintenance_statement_timeout
    timeouts = {"database_statement_timeout": timeout, "database_lock_timeout": timeout}
    database = ConnectedDatabase.connect(url, settings.model_copy(update=timeouts))
    try:
        yield database
    except OutcomeUnknownError as error:
        message = "The connection was lost during the commit, so the change may have been applied."
        raise MaintenanceError(message) from error
    except DATABASE_ERRORS as error:
        raise MaintenanceError(_get_reason(get_driver_error(error))) from error
    finally:
        await database.close()


def _get_reason(error: BaseException) -> str:
    message = get_driver_message(error)
    if isinstance(error, OSError):
        return f"The database is not reachable: {message}"
    return _REASONS.get(getattr(error, "sqlstate", None) or "", f"The command failed in the database: {message}")
