"""What more deals cost: the same requests and the same statements on catalogues of several sizes."""

import asyncio
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Final

import asyncpg

from benchmarks.agreement import ask
from benchmarks.cases import Call
from benchmarks.contestants import started
from benchmarks.cores import Cores
from benchmarks.measuring import measure
from benchmarks.results import Grown, Growth, Options
from benchmarks.statements import Statement, service_on, statements_of

_ROUNDS: Final = 5
_TRIES: Final = 12
"""After the fifth PostgreSQL may decide on a plan for all values: the last half is what counts."""
_MOST_SORTED: Final = 1000
_SEARCH: Final = "city=Toronto&min_stars=4&price_min=60&price_max=150"
IN_DATABASE: Final[Mapping[str, str]] = {
    "list": "/deals",
    "detail": "/deals/1000",
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


def growth_of(urls: Mapping[int, str], options: Options, *, cores: Cores, say: Callable[[str], None]) -> Growth:
    """`urls` by the number of deals, the smallest first."""
    say("growth: measuring over HTTP …")
    over_http = _over_http(urls, options, cores=cores)
    say("growth: measuring in the database …")
    measured = [asyncio.run(_in_database(url)) for url in urls.values()]
    in_database = [Grown(name, [times[name] for times, _ in measured]) for name in IN_DATABASE]
    return Growth(list(urls), over_http, in_database, measured[-1][1])


def _over_http(urls: Mapping[int, str], options: Options, *, cores: Cores) -> list[Grown]:
    with ExitStack() as stack:
        ports = {rows: stack.enter_context(started("service", url, cores=cores)) for rows, url in urls.items()}
        paths = {rows: _paths(port, rows=rows) for rows, port in ports.items()}
        times: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        for _ in range(_ROUNDS):
            for rows, port in ports.items():
                for name, asked in paths[rows].items():
                    plan = {"port": port, "seconds": options.seconds / 2, "paths": asked, "connections": 1}
                    times[name, rows].append(measure("load", plan, url=urls[rows])["p50_ms"])
        names = paths[min(urls)]
    return [Grown(name, [statistics.median(times[name, rows]) for rows in urls]) for name in names]


def _paths(port: int, *, rows: int) -> dict[str, list[str]]:
    """A detail is of deals all over the table, and the cursors begin in its middle."""
    middle = {
        sort: ask(port, Call("GET", f"/deals?sort={sort}&skip={rows // 2}&limit=1"))["next_cursor"]
        for sort in ("id", "-price_per_night")
    }
    return {
        "list": ["/deals"],
        "detail": [f"/deals/{rows * n // 500 + 1}" for n in range(499)],
        "stats": ["/deals/stats"],
        **{f"cursor page by {sort}": [f"/deals?sort={sort}&cursor={cursor}"] for sort, cursor in middle.items()},
    }


async def _in_database(url: str) -> tuple[dict[str, float], list[str]]:
    """Milliseconds of each question, with the round trip, and complaints about the plans."""
    connection = await asyncpg.connect(url)
    times, complaints = {}, []
    async with service_on(url) as app:
        for name, path in IN_DATABASE.items():
            statements = await statements_of(app, path)
            times[name] = sum([await _time(connection, statement) for statement in statements])
            if "counted" not in name or "not counted" in name:
                complaints += [f"{name}: {node}" for node in await _bad_nodes(connection, statements)]
    await connection.close()
    return times, complaints


async def _time(connection: Any, statement: Statement) -> float:  # noqa: ANN401  asyncpg has no types
    times = []
    for _ in range(_TRIES):
        begun = time.perf_counter()
        await connection.fetch(statement[0], *statement[1])
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times[_TRIES // 2 :])


async def _bad_nodes(connection: Any, statements: Iterable[Statement]) -> list[str]:  # noqa: ANN401  as above
    """What reads all deals, or sorts more rows than a page could need."""
    found = []
    for sql, arguments in statements:
        if not sql.startswith("EXPLAIN"):
            text = await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", *arguments)
            found += [node for node in _nodes(json.loads(text)[0]["Plan"]) if _is_bad(node)]
    return [f"{node['Node Type']} of {node['Actual Rows']:,.0f} rows" for node in found]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in _nodes(part))]


def _is_bad(node: dict[str, Any]) -> bool:
    reads_all = node["Node Type"] == "Seq Scan" and node.get("Relation Name") == "deals"
    return reads_all or (node["Node Type"] == "Sort" and node["Actual Rows"] > _MOST_SORTED)
