"""The results for people, as tables that are Markdown too, and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.results import Grown, Import, Ratios, Requests, Results

_NARROWEST: Final = 130


def print_results(results: Results) -> None:
    """On standard output, as wide as the tables need."""
    console = Console()
    console.width = max(console.width, _NARROWEST)
    console.print(", ".join(f"{name} {value}" for name, value in results.machine.items()), soft_wrap=True)
    if results.requests:
        console.print(_of_requests(results.requests))
    if results.imports:
        console.print(_of_imports(results.imports))
    if results.growth:
        for what, questions in (
            ("over HTTP", results.growth.over_http),
            ("in the database", results.growth.in_database),
        ):
            console.print(_of_growth(what, questions, rows=results.growth.rows))
        for complaint in results.growth.complaints or ("No plan reads all deals or sorts more than a page needs.",):
            console.print(complaint, soft_wrap=True)


def as_data(results: Results) -> dict[str, Any]:
    """The same as JSON; ratios are those of the service."""
    options = results.options
    return {
        "machine": dict(results.machine),
        "options": {"rows": options.rows, "seconds": options.seconds, "rounds": options.rounds},
        "cases": {
            case: {name: asdict(one) for name, one in contestants.items()}
            for case, contestants in results.cases.items()
        },
        "growth": asdict(results.growth) if results.growth else None,
        "ratios": {case: asdict(Ratios.of("service", contestants)) for case, contestants in results.cases.items()},
    }


def _of_requests(cases: Mapping[str, Mapping[str, Requests]]) -> Table:
    table = _table("requests/s", "p50 ms", "p99 ms", "CPU µs/request")
    for case, contestants in cases.items():
        for name, one in contestants.items():
            cells = (f"{one.requests_per_second:,.0f}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}", f"{one.cpu_us:,.0f}")
            table.add_row(case, name, *cells, *_ratios(name, contestants))
    return table


def _of_imports(contestants: Mapping[str, Import]) -> Table:
    table = _table("rows", "seconds", "rows/s", "peak MiB", "CPU µs/row")
    for name, one in contestants.items():
        amounts = (f"{one.rows:,}", f"{one.seconds:.2f}", f"{one.rows_per_second:,.0f}", f"{one.peak_mib:,.0f}")
        table.add_row("import", name, *amounts, f"{one.cpu_us:,.1f}", *_ratios(name, contestants))
    return table


def _of_growth(what: str, questions: Sequence[Grown], *, rows: Sequence[int]) -> Table:
    table = Table(box=box.MARKDOWN)
    table.add_column(f"ms {what}", no_wrap=True)
    for name in (*(f"{number:,} deals" for number in rows), "factor"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in questions:
        table.add_row(each.question, *(f"{ms:.2f}" for ms in each.milliseconds), f"{each.factor:.1f}")
    return table


def _table(*measured: str) -> Table:
    table = Table(box=box.MARKDOWN)
    for name in ("case", "contestant"):
        table.add_column(name, no_wrap=True)
    for name in (*measured, "CPU / bare", "speed / bare", "speed / tutorial"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _ratios(name: str, contestants: Mapping[str, Requests | Import]) -> tuple[str, str, str]:
    ratios = Ratios.of(name, contestants)
    return f"{ratios.cpu_of_bare:.1f}", f"{ratios.speed_of_bare:.2f}", f"{ratios.speed_of_tutorial:.1f}"
