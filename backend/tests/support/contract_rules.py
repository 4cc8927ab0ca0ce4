"""What a request must also satisfy to be valid, where JSON Schema has no words for it; loaded by Schemathesis.

Only requests that were generated as valid are touched: those that were made invalid stay as they are.
"""

from datetime import date, timedelta
from typing import Any, Final
from uuid import uuid4

import schemathesis

_RANGES: Final = (("price_min", "price_max", float), ("checkin_from", "checkin_to", str))
_KEYS: Final = ("hotel_id", "external_id")
_WHOLE: Final = (*_KEYS, "star_rating", "discount_percent", "version")
_GREATEST_KEY: Final = 2**63 - 1
_LAST_CHECKIN: Final = date(2099, 12, 31)
_PRICES: Final = ("price_min", "price_max", "price_per_night", "original_price")


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    if case.headers and "Idempotency-Key" in case.headers:  # One that came with another body is refused.
        case.headers["Idempotency-Key"] = uuid4().hex
    if case.query:
        _satisfy_query(case.query)
    if isinstance(case.body, dict):
        _satisfy_body(case.body)


def _satisfy_query(query: dict[str, Any]) -> None:
    query.pop("cursor", None)  # A cursor is signed, so it can't be made up.
    _round_to_cents(query)
    for first, last, measure in _RANGES:  # A range that ends before it begins is refused.
        if first in query and last in query:
            query[first], query[last] = sorted((query[first], query[last]), key=measure)


def _satisfy_body(body: dict[str, Any]) -> None:
    _round_to_cents(body)
    if "checkin_date" in body or "checkout_date" in body:  # A stay lasts a night at least.
        checkin = min(date.fromisoformat(body.get("checkin_date") or body["checkout_date"]), _LAST_CHECKIN)
        body["checkin_date"] = checkin.isoformat()
        body["checkout_date"] = (checkin + timedelta(days=1)).isoformat()
    for name in _WHOLE:  # JSON Schema calls 4.0 an integer.
        if isinstance(body.get(name), float):
            body[name] = int(body[name])
    for name in _KEYS:  # The document gives 2**63 as 9.223372036854776e+18, which is 192 more where floats are decimal.
        if isinstance(body.get(name), int):
            body[name] = min(body[name], _GREATEST_KEY)


def _round_to_cents(values: dict[str, Any]) -> None:
    """A multiple of 0.01 need not be a binary float with two decimals: 57 of them are 0.5700000000000001."""
    for name in _PRICES:
        if isinstance(values.get(name), float):
            values[name] = round(values[name], 2)
