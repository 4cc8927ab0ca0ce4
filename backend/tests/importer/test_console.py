"""Terminal output of an import."""

import re
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Final

from rich.console import Console

from app.importer.console import print_report, show_progress
from app.importer.types import LoadFileError, LoadReport, MergeResult, Progress, RejectedCell, Stage

FILE: Final = Path("a folder/[bold]deals with a long name that does not fit the line.csv")
REJECTS_FILE: Final = Path(f"{FILE}.rejects.csv")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def print_to_text(report: LoadReport) -> str:
    out = StringIO()
    print_report(report, console=Console(file=out, width=60))
    return out.getvalue()


def print_rejects(*rejects: RejectedCell, merged: MergeResult | None = None) -> list[str]:
    """The lines printed after the table of counts."""
    report = LoadReport(
        file=FILE,
        rows=10,
        rejected_rows=len(rejects),
        first_rejects=rejects,
        rejects_file=REJECTS_FILE,
        merged=merged,
        seconds=0.5,
    )
    return print_to_text(report).rpartition("┘\n")[2].splitlines()


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
    report = LoadReport(
        file=FILE, rows=50_000, rejected_rows=0, first_rejects=(), rejects_file=None, merged=merged, seconds=3.14
    )
    text = print_to_text(report)
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


def test_report_lists_first_rejects_and_then_their_file() -> None:
    assert print_rejects(
        RejectedCell(3, "price_per_night", "0", "must be a price"),
        RejectedCell(7, "", "8,[red]Crown Tower", "has 2 cells instead of 15"),
    ) == [
        f"{FILE.name}:3 price_per_night '0': must be a price",
        f"{FILE.name}:7 '8,[red]Crown Tower': has 2 cells instead of 15",
        f"Nothing was written; all problems are listed in {REJECTS_FILE}.",
    ]


def test_report_of_partial_import_says_that_valid_rows_were_written() -> None:
    lines = print_rejects(RejectedCell(3, "id", "x", "must be a number"), merged=MergeResult(deals_inserted=8))
    assert lines[-1] == f"The valid rows were written; all problems are listed in {REJECTS_FILE}."


def test_report_escapes_control_characters_in_values_and_reasons() -> None:
    line, _ = print_rejects(RejectedCell(3, "hotel_phone", "+1\x1b[31m", "is the phone of Crown\u202e Tower on line 2"))
    assert line == rf"{FILE.name}:3 hotel_phone '+1\x1b[31m': is the phone of Crown\u202e Tower on line 2"


def report_steps(out: StringIO) -> list[str]:
    with show_progress(
        Console(file=out, width=80, color_system=None, force_terminal=True, force_interactive=True)
    ) as update:
        update(Progress(Stage.READING, 0, 0))
        update(Progress(Stage.READING, 1_000, 0.5))
        update(Progress(Stage.READING, 2_000, 1))
        update(Progress(Stage.WRITING, 1_999, 1))
    return out.getvalue().splitlines()


def test_progress_on_terminal_ends_with_one_bar_per_stage() -> None:
    reading, writing = [line for line in report_steps(Terminal()) if "━" in line][-2:]
    assert re.search(r"Reading .*━ 2,000 rows .*rows/s", reading)
    assert re.search(r"Writing .*━ 1,999 rows .*rows/s", writing)


def test_progress_without_terminal_is_one_plain_line_per_stage() -> None:
    """Even if the environment requests colour, as CI systems do."""
    reading, writing = report_steps(StringIO())
    assert re.fullmatch(r"Reading: 2,000 rows in \d+\.\d s", reading)
    assert re.fullmatch(r"Writing: 1,999 rows in \d+\.\d s", writing)


def test_progress_without_terminal_does_not_report_a_failed_stage() -> None:
    out = StringIO()
    with suppress(LoadFileError), show_progress(Console(file=out)) as update:
        update(Progress(Stage.READING, 0, 0))
        raise LoadFileError
    assert not out.getvalue()
