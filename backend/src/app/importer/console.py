"""The terminal output of an import: progress while it runs, then a report."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from rich import progress as bars
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.importer.types import (
    LoadReport,
    MergeResult,
    Progress,
    ProgressCallback,
    RejectedCell,
    Stage,
    display_name,
    printable,
    printable_prefix,
)


class _RateColumn(bars.ProgressColumn):
    def render(self, task: bars.Task) -> Text:
        if task.total is None:
            return Text()
        seconds = task.finished_time or task.elapsed or 1
        return Text(f"{task.fields['rows'] / seconds:,.0f} rows/s")


@contextmanager
def show_progress(console: Console) -> Iterator[ProgressCallback]:
    """Show a progress bar per stage on a terminal; elsewhere, print a line at the end of each stage."""
    # FORCE_COLOR makes rich take any file for a terminal.
    is_terminal = console.is_interactive and console.file.isatty()
    with _show_bars(console) if is_terminal else _print_lines(console) as update:
        yield update


@contextmanager
def _print_lines(console: Console) -> Iterator[ProgressCallback]:
    last: Progress | None = None
    started = monotonic()

    def finish() -> None:
        nonlocal started
        if last:
            seconds = monotonic() - started
            console.print(Text(f"{last.stage}: {last.rows:,} rows in {seconds:.1f} s"))
            started = monotonic()

    def update(step: Progress) -> None:
        nonlocal last
        if last and step.stage is not last.stage:
            finish()
        last = step

    yield update
    finish()


@contextmanager
def _show_bars(console: Console) -> Iterator[ProgressCallback]:
    """A bar that fills while the file is read, and pulsing bars while the database works."""
    columns = ("{task.description}", bars.BarColumn(), "{task.fields[rows]:,} rows", _RateColumn())
    with bars.Progress(*columns, bars.TimeElapsedColumn(), console=console) as progress:
        tasks: dict[Stage, bars.TaskID] = {}

        def finish() -> None:
            for task in tasks.values():
                progress.update(task, total=1, completed=1)

        def update(step: Progress) -> None:
            if step.stage not in tasks:
                finish()
                total = 1 if step.stage is Stage.READING else None
                tasks[step.stage] = progress.add_task(step.stage, total=total, rows=step.rows)
            progress.update(tasks[step.stage], completed=step.share, rows=step.rows)

        yield update
        finish()


def print_report(report: LoadReport, *, console: Console) -> None:
    """Print a table of counts, the first rejects, and the path of the file with all of them, or why it is missing."""
    console.print(_build_table(report))
    for reject in report.first_rejects:
        console.print(Text(_format_reject(reject, file=report.file)), soft_wrap=True)
    if report.rejects_file:
        console.print(Text(_format_outcome(report, rejects_file=printable(str(report.rejects_file)))), soft_wrap=True)


def _format_outcome(report: LoadReport, *, rejects_file: str) -> str:
    outcome = "The valid rows were written" if report.merged else "Nothing was written"
    if report.rejects_file_error:
        return f"{outcome}; the list of all problems cannot be written to {rejects_file}: {report.rejects_file_error}."
    return f"{outcome}; all problems are listed in {rejects_file}."


def _format_reject(reject: RejectedCell, *, file: Path) -> str:
    """`deals.csv:3 price_per_night '0': must be …`; the values and the names in reasons come from the file."""
    column = f" {reject.column}" if reject.column else ""
    text = f"{display_name(file)}:{reject.line}{column} '{printable_prefix(reject.value)}': {reject.reason}"
    return printable(text)


def _build_table(report: LoadReport) -> Table:
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    counts = {"Rows read": report.rows, "Rows rejected": report.rejected_rows}
    if report.merged:
        counts |= _get_counts(report.merged)
    for label, count in counts.items():
        table.add_row(label, f"{count:,}")
    table.add_row("Seconds", f"{report.seconds:.1f}")
    return table


def _get_counts(merged: MergeResult) -> dict[str, int]:
    return {
        "Hotels added": merged.hotels_added,
        "Phones of hotels updated": merged.phones_updated,
        "Categories added": merged.categories_added,
        "Deals inserted": merged.deals_inserted,
        "Deals updated": merged.deals_updated,
        "Deals unchanged": merged.deals_unchanged,
        "Category links written": merged.links_written,
    }
