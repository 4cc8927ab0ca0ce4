"""What a person at a terminal sees of an import."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.importer.types import LoadReport, MergeResult, Progress, ProgressCallback, Stage


class _RateColumn(bars.ProgressColumn):
    def render(self, task: bars.Task) -> Text:
        if task.total is None:
            return Text()
        seconds = task.finished_time or task.elapsed or 1
        return Text(f"{task.fields['rows'] / seconds:,.0f} rows/s")


@contextmanager
def progress_bar(console: Console) -> Iterator[ProgressCallback]:
    """A bar for each stage: filling while the file is read, pulsing while the database works."""
    columns = ("{task.description}", bars.BarColumn(), "{task.fields[rows]:,} rows", _RateColumn())
    with bars.Progress(*columns, bars.TimeElapsedColumn(), console=console) as progress:
        tasks: dict[Stage, bars.TaskID] = {}

        def finish() -> None:
            for task in tasks.values():
                progress.update(task, total=1, completed=1)

        def follow(step: Progress) -> None:
            if step.stage not in tasks:
                finish()
                total = 1 if step.stage is Stage.READING else None
                tasks[step.stage] = progress.add_task(step.stage, total=total, rows=step.rows)
            progress.update(tasks[step.stage], completed=step.share, rows=step.rows)

        yield follow
        finish()


def print_report(report: LoadReport, *, console: Console) -> None:
    """The summary, and a sentence on where the rejected rows are listed."""
    console.print(_summary(report))
    if report.rejects:
        outcome = "The good rows were written" if report.merged else "Nothing was written"
        sentence = f"{outcome}; what is wrong with the rejected ones is listed in {report.rejects}."
        console.print(Text(sentence), soft_wrap=True)


def _summary(report: LoadReport) -> Table:
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for label, count in _counts(report).items():
        table.add_row(label, f"{count:,}")
    table.add_row("Seconds", f"{report.seconds:.1f}")
    return table


def _counts(report: LoadReport) -> dict[str, int]:
    counts = {"Rows read": report.rows, "Rows rejected": report.rejected}
    return counts | (_changes(report.merged) if report.merged else {})


def _changes(merged: MergeResult) -> dict[str, int]:
    return {
        "Hotels added": merged.hotels_added,
        "Categories added": merged.categories_added,
        "Deals inserted": merged.deals_inserted,
        "Deals updated": merged.deals_updated,
        "Deals unchanged": merged.deals_unchanged,
        "Category links written": merged.links_written,
    }
