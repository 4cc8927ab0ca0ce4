"""Validate each cell of a chunk on its own, and the order of the dates of each stay."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from app.importer.cells import PARSERS, Parser, parse_cell
from app.importer.types import RejectedCell

_TEXT: Final = pd.ArrowDtype(pa.string())
_PRICE: Final = r"[1-9][0-9]{0,7}(\.[0-9]{1,2})?"
VALID_PATTERNS: Final[Mapping[str, str]] = {
    "id": r"[1-9][0-9]{0,17}",
    "price_per_night": _PRICE,
    "original_price": _PRICE,
    "created_at": (
        r"20[0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
        r"[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z"
    ),
}
"""Patterns of values that are valid as they are, for the columns with mostly distinct values."""


def validate(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[RejectedCell]]:
    """Parse all cells, and list the invalid ones.

    The value of an invalid cell is missing; the other values of its row are there for the checks between rows.
    """
    values: dict[str, pd.Series[str]] = {}
    rejects: list[RejectedCell] = []
    for column, parse in PARSERS.items():
        if column in VALID_PATTERNS and _matches(cells[column], VALID_PATTERNS[column]):
            values[column] = cells[column]
        else:
            values[column], invalid = _parse(cells[column], parse=parse)
            rejects += invalid
    frame = pd.DataFrame(values)
    return frame, rejects + _check_stay_order(frame)


def _matches(cells: "pd.Series[str]", pattern: str) -> bool:
    """Whether all cells match the pattern. The cells of unusual blocks are Python strings, and are parsed instead."""
    return cells.dtype == _TEXT and bool(cells.str.fullmatch(pattern).all())


def _parse(cells: "pd.Series[str]", *, parse: Parser) -> tuple["pd.Series[str]", list[RejectedCell]]:
    """The values of the cells, of which each distinct one is parsed once, and the invalid cells."""
    codes, distinct = pd.factorize(cells)
    values: list[str | None] = []
    reasons: dict[int, str] = {}
    for code, cell in enumerate(distinct):
        try:
            values.append(parse_cell(parse, cell))
        except ValueError as error:
            values.append(None)
            reasons[code] = str(error)
    parsed = pd.Series(values, dtype=_TEXT).take(codes).set_axis(cells.index)
    invalid = np.flatnonzero(np.isin(codes, list(reasons)))
    return parsed, [
        RejectedCell(int(cells.index[row]), str(cells.name), distinct[codes[row]], reasons[codes[row]])
        for row in invalid.tolist()
    ]


def _check_stay_order(values: pd.DataFrame) -> list[RejectedCell]:
    stays = values[["checkin_date", "checkout_date"]]
    reversed_stays = stays[(stays["checkout_date"] <= stays["checkin_date"]).fillna(value=False)]
    return [
        RejectedCell(line, "checkout_date", checkout, f"must be after the check-in on {checkin}")
        for line, checkin, checkout in reversed_stays.itertuples(name=None)
    ]
