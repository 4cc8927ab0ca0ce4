"""What every index is worth: the plan and the time of the API's own statements, with it and without it.

`python -m benchmarks.plans --rows 1000000` writes Markdown to standard output.
"""

import asyncio
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import typer
from fastapi import FastAPI

from benchmarks.index_uses import RARITIES, USES, USES_OF_RARITIES, Uses, check_uses
from benchmarks.plans_markdown import Comparison, Plan, Worth, document
from benchmarks.scratch import create_schema, fetch, load, run, scratch_server, write_file
from benchmarks.statements import Statement, service_on, statements_of

_TRIES: Final = 3
_COSTS: Final = re.compile(r"  \(cost=[^)]*\)")
_ACTUAL: Final = re.compile(r"\(actual rows=([\d.]+?)(?:\.00)? loops=(\d+)\)")
_NODE: Final = re.compile(r"^\s*(->|\w.*\(actual )")


async def explain(connection: Any, statement: Statement) -> Plan:  # noqa: ANN401  asyncpg has no types
    text, parameters = statement
    plans = []
    for _ in range(_TRIES):
        lines = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF) {text}", *parameters)
        plans.append(_read([line[0] for line in lines]))
    return min(plans, key=lambda plan: plan.milliseconds)


def _read(lines: Iterable[str]) -> Plan:
    nodes, milliseconds = [], 0.0
    for line in lines:
        if line.startswith("Execution Time: "):
            milliseconds = float(line.split()[2])
        elif _NODE.match(line):
            nodes.append(_ACTUAL.sub(r"(\1 rows x \2)", _COSTS.sub("", line)))
    return Plan(milliseconds, nodes)


async def compare(connection: Any, index: str, statements: Iterable[Statement]) -> list[Comparison]:  # noqa: ANN401  as above
    """Each statement's plan with the index and without it; the index is there again afterwards."""
    plans = [(statement, await explain(connection, statement)) for statement in statements]
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f'DROP INDEX "{index}"')
    compared = [Comparison(statement[0], plan, await explain(connection, statement)) for statement, plan in plans]
    await transaction.rollback()
    return compared


async def worths(url: str) -> list[Worth]:
    """What every index is worth for every request that it is there for."""
    async with service_on(url) as app:
        connection = await asyncpg.connect(url)
        found = [await _worth(app, connection, *use, data="sample") for use in _flat(USES)]
        run(url, *RARITIES)
        found += [await _worth(app, connection, *use, data="with rarities") for use in _flat(USES_OF_RARITIES)]
        await connection.close()
    return found


async def _worth(app: FastAPI, connection: Any, index: str, request: str, *, data: str) -> Worth:  # noqa: ANN401  as above
    size = await connection.fetchval("SELECT pg_relation_size($1::text::regclass)", index)
    compared = await compare(connection, index, await statements_of(app, request))
    return Worth(index, size / 1024**2, data, request, compared)


def _flat(uses: Uses) -> list[tuple[str, str]]:
    return [(index, request) for index, requests in uses.items() for request in requests]


@contextmanager
def _catalogue(rows: int, database_url: str | None) -> Iterator[str]:
    with (
        scratch_server(database_url) as scratch,
        scratch.database("plans") as url,
        tempfile.TemporaryDirectory() as folder,
    ):
        create_schema(url)
        file = Path(folder) / "deals.csv"
        write_file(file, rows=rows)
        load(url, file)
        yield url


def plans(
    *,
    rows: Annotated[int, typer.Option(min=1000, help="Deals in the catalogue.")] = 1_000_000,
    database_url: Annotated[str | None, typer.Option(help="Make a scratch database beside this one.")] = None,
) -> None:
    """Print, for every index, the plans of the statements it is there for, with it and without it."""
    check_uses()

    with _catalogue(rows, database_url) as url:
        server = str(fetch(url, "SHOW server_version")[0][0]).split()[0]
        print(document(asyncio.run(worths(url)), rows=rows, server=server))


if __name__ == "__main__":
    typer.run(plans)
