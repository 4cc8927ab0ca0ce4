"""Every row against the rules that can be checked without the other rows."""

from collections.abc import Iterable

import pandas as pd

from app.loading.rejects import Reject
from app.loading.rules import RULES, Rule


def check(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[Reject]]:
    """The values of all rows as the database takes them, and what is wrong with the bad ones.

    A bad cell's value is missing, so that the checks between rows still see what is good about its row.
    """
    values, rejects = {}, []
    for column, rule in RULES.items():
        good, reasons = _judge(cells[column].unique(), rule=rule)
        values[column] = cells[column].map(good)
        bad = cells[column][cells[column].isin(list(reasons))]
        rejects += [
            Reject(line, column, cell, reasons[cell]) for line, cell in zip(bad.index.tolist(), bad, strict=True)
        ]
    frame = pd.DataFrame(values)
    return frame, rejects + _stays_that_end_before_they_start(frame)


def _judge(distinct: Iterable[str], *, rule: Rule) -> tuple[dict[str, str], dict[str, str]]:
    """The value of each good cell, and the reason against each bad one."""
    good, reasons = {}, {}
    for cell in distinct:
        try:
            good[cell] = rule(cell)
        except ValueError as error:
            reasons[cell] = str(error)
    return good, reasons


def _stays_that_end_before_they_start(values: pd.DataFrame) -> list[Reject]:
    stays = values[["checkin_date", "checkout_date"]].dropna()
    wrong = stays[stays["checkout_date"] <= stays["checkin_date"]]
    return [
        Reject(line, "checkout_date", checkout, f"must be after the check-in on {checkin}")
        for line, checkin, checkout in wrong.itertuples(name=None)
    ]
