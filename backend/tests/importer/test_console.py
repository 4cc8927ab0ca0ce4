"""What a person at a terminal sees."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from app.importer.console import print_report, progress_bar
from app.importer.types import LoadReport, MergeResult, Progress, Stage


def printed(report: LoadReport) -> str:
    out = StringIO()
    print_report(report, console=Console(file=out, width=60))
    return out.getvalue()


def format_report(text: str) -> list[str]:
    return [line.strip("│ ") for line in text.splitlines()]


def test_the_summary_has_every_count() -> None:
    merged = MergeResult(
        hotels_added=150,
        categories_added=5,
        deals_inserted=40_000,
        deals_updated=9_000,
        deals_unchanged=1_000,
        links_written=80_073,
    )
    text = printed(LoadReport(rows=50_000, rejected=0, rejects=None, merged=merged, seconds=3.14))
    for label, count in {
        "Rows read": "50,000",
        "Rows rejected": "0",
        "Hotels added": "150",
        "Categories added": "5",
        "Deals inserted": "40,000",
        "Deals updated": "9,000",
        "Deals unchanged": "1,000",
        "Category links written": "80,073",
        "Seconds": "3.1",
    }.items():
        assert any(line.startswith(label) and line.endswith(f" {count}") for line in format_report(text)), label


def test_rejected_rows_and_their_file_are_named() -> None:
    file = Path("a folder/[bold]deals with a long name that does not fit the line.rejects.csv")
    text = printed(LoadReport(rows=10, rejected=2, rejects=file, merged=None, seconds=0.5))
    assert f"Nothing was written; what is wrong with the rejected ones is listed in {file}." in text
    assert "Hotels added" not in text


def test_a_partial_import_says_that_the_good_rows_were_written() -> None:
    file = Path("deals.rejects.csv")
    text = printed(LoadReport(rows=10, rejected=2, rejects=file, merged=MergeResult(deals_inserted=8), seconds=0.5))
    assert "The good rows were written; " in text


def test_the_bar_ends_with_a_full_line_for_every_stage() -> None:
    out = StringIO()
    with progress_bar(Console(file=out, width=80)) as follow:
        follow(Progress(Stage.READING, 0, 0))
        follow(Progress(Stage.READING, 1_000, 0.5))
        follow(Progress(Stage.READING, 2_000, 1))
        follow(Progress(Stage.WRITING, 2_000, 1))
    reading, writing = out.getvalue().strip().splitlines()
    assert reading.startswith("Reading")
    assert "2,000 rows" in reading
    assert "rows/s" in reading
    assert writing.startswith("Writing")
