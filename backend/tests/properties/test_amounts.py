"""Amounts are serialized exactly, to the cent."""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import pytest
from pydantic import TypeAdapter

from app.schemas.base import DecimalNumber

_MAX_CENTS: Final = 9_999_999_999
_PRIME_STEP: Final = 99_991
_TWO_DECIMALS: Final = re.compile(r"\d+(\.\d\d?)?", re.ASCII)
_AMOUNTS: Final = TypeAdapter(list[DecimalNumber])


@pytest.mark.parametrize(
    "cents",
    [range(1, 100_001), range(_MAX_CENTS, _MAX_CENTS - 50_000, -1), range(1, _MAX_CENTS, _PRIME_STEP)],
    ids=["lowest", "highest", "between"],
)
def test_every_amount_is_serialized_exactly(cents: Iterable[int]) -> None:
    amounts = [Decimal(amount).scaleb(-2) for amount in cents]
    serialized: list[str] = json.loads(_AMOUNTS.dump_json(amounts), parse_float=str, parse_int=str)
    assert [Decimal(text) for text in serialized] == amounts
    assert all(_TWO_DECIMALS.fullmatch(text) for text in serialized)
