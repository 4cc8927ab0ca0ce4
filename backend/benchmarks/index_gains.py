"""The gain of every index: the plans and times of the API's own statements with the index and without it.

`python -m benchmarks.index_gains --rows 1000000` writes Markdown to standard output.
"""

import asyncio
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import asyncpg
import typer

from app.db.migrations import migrate
from app.models import Deal
from benchmarks.dataset import generate_and_load
from benchmarks.index_report import Comparison, IndexGain, QueryPlan, format_report
from benchmarks.scratch_database import execute, fetch, scratch_server
from benchmarks.statements import RunningService, Statement, record_statements, run_service

INDEX_REQUESTS: Final[Mapping[str, tuple[str, ...]]] = {
    "ix_deals_hotel_id_star_rating_price_per_night": (
        "/deals?city=Toronto&min_stars=5&price_max=90",
        "/hotels?city=Toronto&min_stars=5&sort=min_price",
    ),
    "ix_deals_star_rating_id": ("/deals?sort=star_rating&count=none", "/deals?sort=-star_rating&count=none"),
    "ix_deals_price_per_night_id": ("/deals?sort=price_per_night&count=none", "/deals?price_max=35"),
    "ix_deals_discount_percent_id": ("/deals?sort=-discount_percent&count=none", "/deals?min_discount=60"),
    "ix_deals_checkin_date_id": (
        "/deals?sort=checkin_date&count=none",
        "/deals?checkin_from=2026-03-01&checkin_to=2026-03-02",
    ),
    "ix_deals_created_at_id": ("/deals?sort=-created_at&count=none",),
    "ix_deals_folded_room_type_id": ("/deals?room_type=suite",),
    "ix_deals_available_hotel_id_price": (
        "/deals/stats?city=Toronto&price_max=90",
        "/hotels?city=Toronto&available_only=true&price_max=90",
    ),
    "ix_deal_categories_category_id_deal_id": ("/deals?category=luxury&price_max=40",),
}
"""The requests that each index of the models serves."""

WRITE_INDEXES: Final = (
    "uq_categories_folded_name",
    "ix_category_rollup_hotel_id",
    "ix_idempotency_keys_created_at",
)
"""Indexes that no request needs for reading: for unique names, for deleting a hotel, and for purging old keys."""

_ADD_RARE_VALUES: Final = (
    """
    INSERT INTO hotels (name, city, country, phone)
    SELECT 'Hotel ' || n, 'City ' || n % 10000, 'Country ' || n % 200, '+00-' || n
    FROM generate_series(1, 100000) AS n
    """,
    "INSERT INTO categories (name) VALUES ('rare')",
    """
    INSERT INTO deal_categories (deal_id, category_id)
    SELECT deals.id, categories.id FROM deals, categories WHERE deals.id <= 100 AND name = 'rare'
    """,
    "UPDATE deals SET room_type = 'Igloo' WHERE id <= 100",
    "VACUUM ANALYZE",
)
"""The sample has so few hotels, room types and categories that PostgreSQL scans all of them."""

RARE_VALUE_REQUESTS: Final[Mapping[str, tuple[str, ...]]] = {
    "ix_deals_folded_room_type_id": ("/deals?room_type=igloo",),
    "ix_deal_categories_category_id_deal_id": ("/deals?category=rare",),
    "ix_hotels_folded_city": ("/hotels?city=Toronto", "/deals?city=Toronto&min_stars=5&price_max=90"),
    "ix_hotels_folded_country": ("/deals?country=Canada&min_stars=5&price_max=90",),
}

_REPETITIONS: Final = 3
_COSTS: Final = re.compile(r"  \(cost=[^)]*\)")
_ACTUAL: Final = re.compile(r"\(actual rows=([\d.]+?)(?:\.00)? loops=(\d+)\)")
_NODE: Final = re.compile(r"^\s*(->|\w.*\(actual )")


def check_requests() -> None:
    """Raise LookupError unless there is a request for every index of the models except those of constraints."""
    names = {str(index.name) for table in Deal.metadata.tables.values() for index in table.indexes}
    if difference := names ^ {*INDEX_REQUESTS, *RARE_VALUE_REQUESTS, *WRITE_INDEXES}:
        raise LookupError(f"These indexes have no request, or these requests no index: {sorted(difference)}.")


async def explain(connection: "asyncpg.Connection[asyncpg.Record]", statement: Statement) -> QueryPlan:
    """The fastest of a few executions."""
    plans = []
    for _ in range(_REPETITIONS):
        lines = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF) {statement.sql}", *statement.arguments
        )
        plans.append(_parse_plan([line[0] for line in lines]))
    return min(plans, key=lambda plan: plan.milliseconds)


def _parse_plan(lines: Iterable[str]) -> QueryPlan:
    nodes, milliseconds = [], 0.0
    for line in lines:
        if line.startswith("Execution Time: "):
            milliseconds = float(line.split()[2])
        elif _NODE.match(line):
            nodes.append(_ACTUAL.sub(r"(\1 rows x \2)", _COSTS.sub("", line)))
    return QueryPlan(milliseconds, nodes)


async def compare(
    connection: "asyncpg.Connection[asyncpg.Record]", index: str, statements: Iterable[Statement]
) -> list[Comparison]:
    """Explain each statement with the index, then without it; dropping the index is rolled back."""
    plans = [(statement, await explain(connection, statement)) for statement in statements]
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f'DROP INDEX "{index}"')
    compared = [Comparison(statement.sql, plan, await explain(connection, statement)) for statement, plan in plans]
    await transaction.rollback()
    return compared


async def measure_gains(url: str) -> list[IndexGain]:
    """The gain of every index for each of its requests; adds rare values to the database at `url`."""
    async with run_service(url) as service:
        connection = await asyncpg.connect(url)
        gains = await _measure_all(service, connection, INDEX_REQUESTS, data="sample")
        execute(url, *_ADD_RARE_VALUES)
        gains += await _measure_all(service, connection, RARE_VALUE_REQUESTS, data="with rare values")
        await connection.close()
    return gains


async def _measure_all(
    service: RunningService,
    connection: "asyncpg.Connection[asyncpg.Record]",
    requests: Mapping[str, tuple[str, ...]],
    *,
    data: str,
) -> list[IndexGain]:
    gains = []
    for index, paths in requests.items():
        size = await connection.fetchval("SELECT pg_relation_size($1::text::regclass)", index)
        for path in paths:
            compared = await compare(connection, index, await record_statements(service, path))
            gains.append(IndexGain(index, size / 1024**2, data, path, compared))
    return gains


@contextmanager
def _catalogue(rows: int, database_url: str | None) -> Iterator[str]:
    with (
        scratch_server(database_url) as server,
        server.database("index_gains") as url,
        tempfile.TemporaryDirectory() as folder,
    ):
        migrate(url)
        generate_and_load(url, Path(folder) / "deals.csv", rows=rows)
        yield url


def index_gains(
    *,
    rows: Annotated[int, typer.Option(min=1000, help="Deals in the catalogue.")] = 1_000_000,
    plans: Annotated[bool, typer.Option("--plans", help="Also print the plan of each index's best statement.")] = False,
    database_url: Annotated[str | None, typer.Option(help="Create the scratch database on this server.")] = None,
) -> None:
    """Print a table of all indexes: the execution time of the statements that use each, with it and without it."""
    check_requests()
    with _catalogue(rows, database_url) as url:
        server = str(fetch(url, "SHOW server_version")[0][0]).split()[0]
        print(format_report(asyncio.run(measure_gains(url)), rows=rows, server=server, plans=plans))


if __name__ == "__main__":
    typer.run(index_gains)
