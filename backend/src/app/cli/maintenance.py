"""What is done to a database now and then: the rollups compared with what they are the sums of, old keys removed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from app.config import Settings
from app.db.errors import DATABASE_ERRORS
from app.db.session import Database
from app.repositories.idempotency import IdempotencyRepository
from app.repositories.rollups import ROLLUPS, Mismatch, RollupCheck, RollupRepository, Totals


class MaintenanceError(Exception):
    """The database did not do it. The message is one sentence."""


async def verify_rollups(url: str, settings: Settings) -> list[RollupCheck]:
    """Each rollup beside a count of all deals. Raises MaintenanceError."""
    async with _patient_database(url, settings) as database:
        return [await RollupRepository(database.reader).check(rollup) for rollup in ROLLUPS]


async def purge_idempotency_keys(url: str, settings: Settings) -> int:
    """Remove the keys that need not be remembered any more; how many they were. Raises MaintenanceError."""
    async with _patient_database(url, settings) as database:
        return await IdempotencyRepository(database.reader).purge()


def format_report(check: RollupCheck) -> Iterator[str]:
    """What a person is told of a comparison."""
    about = f"{check.rollup}: {check.rows:,} rows that count {check.deals:,} deals"
    if not check.mismatches:
        yield f"{about}, all of them right."
        return
    yield f"{about}, {check.mismatches:,} of them wrong:"
    for mismatch in check.samples:
        yield f"  {_spelled(mismatch)}"
    if unlisted := check.mismatches - len(check.samples):
        yield f"  and {unlisted:,} more"


def _spelled(mismatch: Mismatch) -> str:
    def sums(of: Totals) -> str:
        return f"{of.deals:,} for {of.prices:,.2f}"

    category = "" if mismatch.category_id is None else f"category {mismatch.category_id}, "
    availability = "available" if mismatch.is_available else "not available"
    about = f"{category}hotel {mismatch.hotel_id}, stars {mismatch.star_rating}, {availability}"
    return f"{about}: kept {sums(mismatch.stored)}, counted {sums(mismatch.actual)}"


@asynccontextmanager
async def _patient_database(url: str, settings: Settings) -> AsyncIterator[Database]:
    """The database, with as much time for a statement, and for others' locks, as an import has."""
    patience = dict.fromkeys(("statement_timeout", "lock_timeout"), settings.maintenance_statement_timeout)
    database = Database.connect(url, settings.model_copy(update=patience))
    try:
        yield database
    except DATABASE_ERRORS as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise MaintenanceError(f"The database did not do it: {reason}") from error
    finally:
        await database.close()
