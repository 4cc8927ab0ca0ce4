"""What is done to a database now and then: the rollups compared with what they are the sums of, old keys removed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from app.config import Settings
from app.db.errors import DATABASE_ERRORS
from app.db.session import Database
from app.repositories.idempotency import IdempotencyRepository
from app.repositories.rollups import ROLLUPS, Comparison, Difference, RollupRepository, Sums


class MaintenanceError(Exception):
    """The database did not do it. The message is one sentence."""


async def verify_rollups(url: str, settings: Settings) -> list[Comparison]:
    """Each rollup beside a count of all deals. Raises MaintenanceError."""
    async with _patient_database(url, settings) as database:
        return [await RollupRepository(database.reader).compare(rollup) for rollup in ROLLUPS]


async def purge_idempotency_keys(url: str, settings: Settings) -> int:
    """Remove the keys that need not be remembered any more; how many they were. Raises MaintenanceError."""
    async with _patient_database(url, settings) as database:
        return await IdempotencyRepository(database.reader).purge()


def format_report(comparison: Comparison) -> Iterator[str]:
    """What a person is told of a comparison."""
    about = f"{comparison.rollup}: {comparison.rows:,} rows that count {comparison.deals:,} deals"
    if not comparison.different:
        yield f"{about}, all of them right."
        return
    yield f"{about}, {comparison.different:,} of them wrong:"
    for difference in comparison.first:
        yield f"  {_spelled(difference)}"
    if unlisted := comparison.different - len(comparison.first):
        yield f"  and {unlisted:,} more"


def _spelled(difference: Difference) -> str:
    def sums(of: Sums) -> str:
        return f"{of.deals:,} for {of.prices:,.2f}"

    category = "" if difference.category_id is None else f"category {difference.category_id}, "
    availability = "available" if difference.is_available else "not available"
    about = f"{category}hotel {difference.hotel_id}, stars {difference.star_rating}, {availability}"
    return f"{about}: kept {sums(difference.kept)}, counted {sums(difference.counted)}"


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
