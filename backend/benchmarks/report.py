"""Results as Markdown tables on the terminal, and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.results import Growth, GrowthSeries, ImportStats, Ratios, RequestStats, Results

_MIN_WIDTH: Final = 130


def print_results(results: Results) -> None:
    """Print to standard output, as wide as the tables need."""
    console = Console()
    console.width = max(console.width, _MIN_WIDTH)
    console.print(", ".join(f"{name} {value}" for name, value in results.machine.items()), soft_wrap=True)
    if results.requests:
        console.print(_format_requests(results.requests))
    if results.imports:
        console.print(_format_imports(results.imports))
    if results.growth:
        _print_growth(console, results.growth)


def to_json(results: Results) -> dict[str, Any]:
    """The results as JSON data; the ratios are those of the service."""
    options = results.options
    return {
        "machine": dict(results.machine),
        "options": {"rows": options.rows, "seconds": options.seconds, "rounds": options.rounds},
        "cases": {
            case: {name: asdict(stats) for name, stats in by_target.items()}
            for case, by_target in results.cases.items()
        },
        "growth": asdict(results.growth) if results.growth else None,
        "ratios": {case: asdict(Ratios.compute("service", by_target)) for case, by_target in results.cases.items()},
    }


def _print_growth(console: Console, growth: Growth) -> None:
    for label, series in (("over HTTP", growth.over_http), ("in the database", growth.in_database)):
        console.print(_format_growth(label, series, rows=growth.rows))
    for complaint in growth.complaints or ("No plan reads all deals or sorts more than a page needs.",):
        console.print(complaint, soft_wrap=True)


def _format_requests(cases: Mapping[str, Mapping[str, RequestStats]]) -> Table:
    table = _create_table("requests/s", "p50 ms", "p99 ms", "CPU µs/request")
    for case, by_target in cases.items():
        for name, stats in by_target.items():
            latency = (f"{stats.p50_ms:.1f}", f"{stats.p99_ms:.1f}")
            cells = (f"{stats.requests_per_second:,.0f}", *latency, f"{stats.cpu_us:,.0f}")
            table.add_row(case, name, *cells, *_format_ratios(name, by_target))
    return table


def _format_imports(by_target: Mapping[str, ImportStats]) -> Table:
    table = _create_table("rows", "seconds", "rows/s", "peak MiB", "CPU µs/row")
    for name, stats in by_target.items():
        amounts = (f"{stats.rows:,}", f"{stats.seconds:.2f}", f"{stats.rows_per_second:,.0f}", f"{stats.peak_mib:,.0f}")
        table.add_row("import", name, *amounts, f"{stats.cpu_us:,.1f}", *_format_ratios(name, by_target))
    return table


def _format_growth(label: str, series: Sequence[GrowthSeries], *, rows: Sequence[int]) -> Table:
    table = Table(box=box.MARKDOWN)
    table.add_column(f"ms {label}", no_wrap=True)
    for name in (*(f"{number:,} deals" for number in rows), "factor"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in series:
        table.add_row(each.question, *(f"{ms:.2f}" for ms in each.milliseconds), f"{each.factor:.1f}")
    return table


def _create_table(*figures: str) -> Table:
    table = Table(box=box.MARKDOWN)
    for name in ("case", "target"):
        table.add_column(name, no_wrap=True)
    for name in (*figures, "CPU / bare", "speed / bare", "speed / tutorial"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _format_ratios(name: str, by_target: Mapping[str, RequestStats | ImportStats]) -> tuple[str, str, str]:
    ratios = Ratios.compute(name, by_target)
    return f"{ratios.cpu_of_bare:.1f}", f"{ratios.speed_of_bare:.2f}", f"{ratios.speed_of_tutorial:.1f}"
