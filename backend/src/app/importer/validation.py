"""Validate each cell of a chunk on its own, and the order of the dates of each stay."""

from collections.abc import Iterable

import pandas as pd

from app.importer.cells import PARSERS, Parser, parse_cell
from app.importer.types import RejectedCell


def validate(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[RejectedCell]]:
    """Parse all cells, and list the invalid ones.

    The value of an invalid cell is missing; the other values of its row are there for the checks between rows.
    """
    values, rejects = {}, []
    for column, parse in PARSERS.items():
        parsed, reasons = _parse_distinct(cells[column].unique(), parse=parse)
        values[column] = cells[column].map(parsed)
        invalid = cells[column][cells[column].isin(list(reasons))]
        rejects += [
            RejectedCell(line, column, cell, reasons[cell])
            for line, cell in zip(invalid.index.tolist(), invalid, strict=True)
        ]
    frame = pd.DataFrame(values)
    return frame, rejects + _check_stay_order(frame)


def _parse_distinct(cells: Iterable[str], *, parse: Parser) -> tuple[dict[str, str], dict[str, str]]:
    """The values of the valid cells, and the reasons against the invalid ones."""
    values, reasons = {}, {}
    for cell in cells:
        try:
            values[cell] = parse_cell(parse, cell)
        except ValueError as error:
            reasons[cell] = str(error)
    return values, reasons


def _check_stay_order(values: pd.DataFrame) -> list[RejectedCell]:
    stays = values[["checkin_date", "checkout_date"]].dropna()
    reversed_stays = stays[stays["checkout_date"] <= stays["checkin_date"]]
    return [
        RejectedCell(line, "checkout_date", checkout, f"must be after the check-in on {checkin}")
        for line, checkin, checkout in reversed_stays.itertuples(name=None)
    ]
