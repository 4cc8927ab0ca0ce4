"""Terminal output of an import."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from app.importer.console import print_report, progress_bar
from app.importer.types import LoadReport, MergeResult, Progress, Stage


def print_to_text(report: LoadReport) -> str:
    out = StringIO()
    print_report(report, console=Console(file=out, width=60))
    return out.getvalue()


def split_table(text: str) -> list[str]:
    return [line.strip("│ ") for line in text.splitlines()]


def test_report_shows_every_count() -> None:
    merged = MergeResult(
        hotels_added=150,
        categories_added=5,
        deals_inserted=40_000,
        deals_updated=9_000,
        deals_unchanged=1_000,
        links_written=80_073,
    )
    text = print_to_text(LoadReport(rows=50_000, rejected_rows=0, rejects_file=None, merged=merged, seconds=3.14))
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
        assert any(line.startswith(label) and line.endswith(f" {count}") for line in split_table(text)), label


def test_report_with_rejects_names_their_file_on_one_line() -> None:
    file = Path("a folder/[bold]deals with a long name that does not fit the line.rejects.csv")
    text = print_to_text(LoadReport(rows=10, rejected_rows=2, rejects_file=file, merged=None, seconds=0.5))
    assert f"Nothing was written; all problems are listed in {file}." in text
    assert "Hotels added" not in text


def test_report_of_partial_import_says_that_valid_rows_were_written() -> None:
    file = Path("deals.rejects.csv")
    text = print_to_text(
        LoadReport(rows=10, rejected_rows=2, rejects_file=file, merged=MergeResult(deals_inserted=8), seconds=0.5)
    )
    assert "The valid rows were written; " in text


def test_progress_bar_ends_with_one_line_per_stage() -> None:
    out = StringIO()
    with progress_bar(Console(file=out, width=80)) as update:
        update(Progress(Stage.READING, 0, 0))
        update(Progress(Stage.READING, 1_000, 0.5))
        update(Progress(Stage.READING, 2_000, 1))
        update(Progress(Stage.WRITING, 2_000, 1))
    reading, writing = out.getvalue().strip().splitlines()
    assert reading.startswith("Reading")
    assert "2,000 rows" in reading
    assert "rows/s" in reading
    assert writing.startswith("Writing")
