"""Rules of valid requests that JSON Schema cannot express, applied to generated ones; loaded by Schemathesis.

Requests that were generated to be invalid are left unchanged.
"""

from datetime import date, timedelta
from typing import Any, Final
from uuid import uuid4

import schemathesis

from tests.support.visible_text import is_visible

_RANGES: Final = (("price_min", "price_max", float), ("checkin_from", "checkin_to", str))
_IDS: Final = ("hotel_id", "external_id")
_MAX_ID: Final = 2**63 - 1
_MAX_CHECKIN: Final = date(2099, 12, 31)
_PRICES: Final = ("price_min", "price_max", "price_per_night", "original_price")


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    if case.headers and "Idempotency-Key" in case.headers:  # A key reused with another body is rejected.
        case.headers["Idempotency-Key"] = uuid4().hex
    if case.query:
        _satisfy_query(case.query)
    if isinstance(case.body, dict):
        _satisfy_body(case.body)


def _satisfy_query(query: dict[str, Any]) -> None:
    query.pop("cursor", None)  # Cursors are signed and cannot be generated.
    _clean_text(query)
    _round_to_cents(query)
    for first, last, measure in _RANGES:  # Ranges that end before they begin are rejected.
        if first in query and last in query:
            query[first], query[last] = sorted((query[first], query[last]), key=measure)


def _satisfy_body(body: dict[str, Any]) -> None:
    _clean_text(body)
    _round_to_cents(body)
    if "checkin_date" in body or "checkout_date" in body:  # A stay lasts at least one night.
        checkin = min(date.fromisoformat(body.get("checkin_date") or body["checkout_date"]), _MAX_CHECKIN)
        body["checkin_date"] = checkin.isoformat()
        body["checkout_date"] = (checkin + timedelta(days=1)).isoformat()
    for name in _IDS:  # The document's limit of 2**63 is the float 9.223372036854776e+18, as a decimal 192 more.
        if isinstance(body.get(name), int | float):
            body[name] = min(int(body[name]), _MAX_ID)


def _clean_text(values: dict[str, Any]) -> None:
    """Make every text visible: control characters and blank text are rejected."""
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = _get_visible(value)
        elif isinstance(value, list):
            values[name] = [_get_visible(item) if isinstance(item, str) else item for item in value]


def _get_visible(text: str) -> str:
    printable = "".join(character for character in text if character.isprintable()).strip()
    return printable if is_visible(printable) else "x"


def _round_to_cents(values: dict[str, Any]) -> None:
    """Round prices: JSON Schema cannot limit decimals in a way that suits the binary floats of validators."""
    for name in _PRICES:
        if isinstance(values.get(name), float):
            values[name] = round(values[name], 2)
