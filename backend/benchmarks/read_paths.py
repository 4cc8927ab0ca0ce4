"""CPU time of one read, a page of 20 deals with its exact total, by the API that executes it (ADR 8).

`./uvw python -m benchmarks.read_paths` prints it.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import asyncpg
import typer
import uvloop
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from app.config import Settings
from app.db.session import ConnectedDatabase
from app.db.statements import fetch_rows
from app.models import Deal
from app.repositories.deal_queries import build_deals_page, list_deals_statement
from app.schemas.deals import DealSort
from benchmarks.dataset import Dataset
from benchmarks.results import Options

_BATCH: Final = 10
_WARM_UP: Final = 3
_COMPILED: Final = list_deals_statement((), DealSort.ID, start="first", limit=20, with_total=True)
_STATEMENT: Final = build_deals_page((), DealSort.ID, start="first", limit=20, with_total=True)


@dataclass(frozen=True, slots=True)
class Pools:
    """The database's own pools, and asyncpg's."""

    database: ConnectedDatabase
    asyncpg_pool: "asyncpg.Pool[Any]"


async def _read_pool(pools: Pools) -> object:
    return await pools.database.reads.fetch_all(_COMPILED, {})


async def _asyncpg_pool(pools: Pools) -> object:
    async with pools.asyncpg_pool.acquire() as connection:
        return [dict(row) for row in await connection.fetch(_COMPILED.sql, *_COMPILED.bind({}))]


async def _driver_connection(pools: Pools) -> object:
    engine = pools.database.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        driver_connection = (await connection.get_raw_connection()).driver_connection
        assert driver_connection is not None
        return await fetch_rows(driver_connection, _COMPILED, {})


async def _connection(pools: Pools) -> object:
    engine = pools.database.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(_STATEMENT)).mappings()]


async def _session(pools: Pools) -> object:
    async with pools.database.sessions() as session:
        return [dict(row) for row in (await session.execute(_STATEMENT)).mappings()]


async def _entities(pools: Pools) -> object:
    async with pools.database.sessions() as session:
        statement = select(Deal).options(joinedload(Deal.hotel), selectinload(Deal.categories)).order_by(Deal.id)
        deals = (await session.scalars(statement.limit(20))).all()
        return deals, await session.scalar(select(func.count()).select_from(Deal))


READ_PATHS: Final[Mapping[str, Callable[[Pools], Awaitable[object]]]] = {
    "compiled statement, the service's read pool": _read_pool,
    "compiled statement, asyncpg's pool": _asyncpg_pool,
    "compiled statement, driver connection of SQLAlchemy's pool": _driver_connection,
    "AsyncConnection.execute, autocommit": _connection,
    "AsyncSession.execute": _session,
    "entities, and a separate count": _entities,
}


async def _measure(url: str, *, batches: int) -> dict[str, float]:
    """Microseconds a read in the cheapest batch, by path; the paths alternate."""
    pools = Pools(ConnectedDatabase.connect(url, Settings(_env_file=None)), await asyncpg.create_pool(url, min_size=0))
    costs: dict[str, list[float]] = {name: [] for name in READ_PATHS}
    for _ in range(_WARM_UP + batches):
        for name, read in READ_PATHS.items():
            started = time.process_time()
            for _ in range(_BATCH):
                await read(pools)
            costs[name].append(1_000_000 * (time.process_time() - started) / _BATCH)
    await pools.database.close()
    await pools.asyncpg_pool.close()
    return {name: min(of_path[_WARM_UP:]) for name, of_path in costs.items()}


def read_paths(
    *,
    rows: Annotated[int, typer.Option(min=500, help="Deals in the catalogue.")] = 5_000,
    batches: Annotated[int, typer.Option(min=1, help="Batches of 10 reads; the cheapest counts.")] = 100,
    database_url: Annotated[str | None, typer.Option(help="Create a scratch database on this server.")] = None,
) -> None:
    """Print the CPU time of a list request's read in this process, in microseconds, for each API."""
    with Dataset.create(Options(rows, (), 0, 0, (), database_url)) as dataset:
        for name, cost in uvloop.run(_measure(dataset.url, batches=batches)).items():
            print(f"{cost:8,.0f}  {name}")


if __name__ == "__main__":
    typer.run(read_paths)
