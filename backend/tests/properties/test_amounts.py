"""Every amount to the cent leaves as the number that it is."""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import pytest
from pydantic import TypeAdapter

from app.schemas.base import DecimalNumber

_HIGHEST: Final = 9_999_999_999
_PRIME_STEP: Final = 99_991
_AT_MOST_TWO_DECIMALS: Final = re.compile(r"\d+(\.\d\d?)?", re.ASCII)
_AMOUNTS: Final = TypeAdapter(list[DecimalNumber])


@pytest.mark.parametrize(
    "cents",
    [range(1, 100_001), range(_HIGHEST, _HIGHEST - 50_000, -1), range(1, _HIGHEST, _PRIME_STEP)],
    ids=["the lowest", "the highest", "between"],
)
def test_no_cent_is_lost_or_made_up(cents: Iterable[int]) -> None:
    amounts = [Decimal(amount).scaleb(-2) for amount in cents]
    spelled: list[str] = json.loads(_AMOUNTS.dump_json(amounts), parse_float=str, parse_int=str)
    assert [Decimal(text) for text in spelled] == amounts
    assert all(_AT_MOST_TWO_DECIMALS.fullmatch(text) for text in spelled)
