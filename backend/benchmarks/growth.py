"""Times of the same requests and statements on catalogues of several sizes."""

import asyncio
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Final

import asyncpg

from benchmarks.cases import ApiRequest
from benchmarks.cpu_affinity import CpuAffinity
from benchmarks.equivalence import send
from benchmarks.results import Growth, GrowthSeries, Options
from benchmarks.statements import Statement, record_statements, run_service
from benchmarks.targets import start
from benchmarks.worker_process import run_once

_ROUNDS: Final = 5
_REPETITIONS: Final = 12
"""After the fifth execution PostgreSQL may choose a generic plan; only the second half is counted."""
_MAX_SORTED: Final = 1000
_SEARCH: Final = "city=Toronto&min_stars=4&price_min=60&price_max=150"
_QUERIES: Final[Mapping[str, str]] = {
    "list": "/deals",
    "detail": "/deals/500",
    "stats": "/deals/stats",
    "categories": "/categories",
    "city, stars and prices, counted": f"/deals?{_SEARCH}",
    "city, stars and prices, not counted": f"/deals?{_SEARCH}&count=none",
    "city, stars and prices, estimated": f"/deals?{_SEARCH}&count=estimated",
    "category, counted": "/deals?category=luxury",
    "cheapest first, not counted": "/deals?sort=price_per_night&count=none",
    "cheapest of a city, not counted": "/deals?city=Toronto&sort=price_per_night&count=none",
    "cheapest hotels of a city with stars": "/hotels?sort=min_price&city=Toronto&min_stars=4",
}


def measure_growth(
    urls: Mapping[int, str], options: Options, *, affinity: CpuAffinity, log: Callable[[str], None]
) -> Growth:
    """Measure the service on each of `urls`, which are by number of deals, the smallest first."""
    log("growth: measuring over HTTP …")
    over_http = _measure_over_http(urls, options, affinity=affinity)
    log("growth: measuring in the database …")
    measured = [asyncio.run(_measure_in_database(url)) for url in urls.values()]
    in_database = [GrowthSeries(name, [times[name] for times, _ in measured]) for name in _QUERIES]
    return Growth(list(urls), over_http, in_database, measured[-1][1])


def _measure_over_http(urls: Mapping[int, str], options: Options, *, affinity: CpuAffinity) -> list[GrowthSeries]:
    with ExitStack() as stack:
        ports = {rows: stack.enter_context(start("service", url, affinity=affinity)) for rows, url in urls.items()}
        paths = {rows: _get_paths(port, rows=rows) for rows, port in ports.items()}
        times: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        for _ in range(_ROUNDS):
            for rows, port in ports.items():
                for name, requested in paths[rows].items():
                    job = {"port": port, "seconds": options.seconds / 2, "paths": requested, "connections": 1}
                    times[name, rows].append(run_once("load_client", job, url=urls[rows])["p50_ms"])
        names = paths[min(urls)]
    return [GrowthSeries(name, [statistics.median(times[name, rows]) for rows in urls]) for name in names]


def _get_paths(port: int, *, rows: int) -> dict[str, list[str]]:
    """Details are spread over the whole table, and the cursors start in its middle."""
    cursors = {
        sort: send(port, ApiRequest("GET", f"/deals?sort={sort}&skip={rows // 2}&limit=1"))["next_cursor"]
        for sort in ("id", "-price_per_night")
    }
    return {
        "list": ["/deals"],
        "detail": [f"/deals/{rows * n // 500 + 1}" for n in range(499)],
        "stats": ["/deals/stats"],
        **{f"cursor page by {sort}": [f"/deals?sort={sort}&cursor={cursor}"] for sort, cursor in cursors.items()},
    }


async def _measure_in_database(url: str) -> tuple[dict[str, float], list[str]]:
    """Milliseconds of each query, including the round trip, and the expensive nodes of their plans."""
    connection = await asyncpg.connect(url)
    times, expensive = {}, []
    async with run_service(url) as service:
        for name, path in _QUERIES.items():
            statements = await record_statements(service, path)
            times[name] = sum([await _time(connection, statement) for statement in statements])
            if "counted" not in name or "not counted" in name:
                expensive += [f"{name}: {node}" for node in await _find_expensive_nodes(connection, statements)]
    await connection.close()
    return times, expensive


async def _time(connection: "asyncpg.Connection[asyncpg.Record]", statement: Statement) -> float:
    times = []
    for _ in range(_REPETITIONS):
        started = time.perf_counter()
        await connection.fetch(statement.sql, *statement.arguments)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[_REPETITIONS // 2 :])


async def _find_expensive_nodes(
    connection: "asyncpg.Connection[asyncpg.Record]", statements: Iterable[Statement]
) -> list[str]:
    """Plan nodes that read all deals, or sort more rows than a page needs."""
    found = []
    for statement in statements:
        if not statement.sql.startswith("EXPLAIN"):
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement.sql}"
            plan = json.loads(await connection.fetchval(explain, *statement.arguments))
            found += [node for node in _flatten(plan[0]["Plan"]) if _is_expensive(node)]
    return [f"{node['Node Type']} of {node['Actual Rows']:,.0f} rows" for node in found]


def _flatten(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _flatten(child))]


def _is_expensive(node: dict[str, Any]) -> bool:
    reads_all = node["Node Type"] == "Seq Scan" and node.get("Relation Name") == "deals"
    return reads_all or (node["Node Type"] == "Sort" and node["Actual Rows"] > _MAX_SORTED)
