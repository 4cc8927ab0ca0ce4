"""The table of filters, and the choices that follow from it."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.db.statements import CompiledStatement
from app.models import CategoryRollup, DealRollup
from app.repositories.search.filters import FILTERS, Rollup, bind_filters, choose_rollup
from app.repositories.search.strategies import page_of_ids
from app.schemas.deals import DealSort
from app.schemas.filters import DealFilters


def test_every_filter_parameter_has_a_row_in_the_table() -> None:
    assert set(FILTERS) == set(DealFilters.model_fields)


def test_bind_filters_omits_absent_and_false_filters() -> None:
    bound = bind_filters(DealFilters(city=["Rome", "Oslo"], min_discount=0, available_only=False))
    assert bound.key == (("city", True), ("min_discount", False))
    assert bound.values == {"city": ["Rome", "Oslo"], "min_discount": 0}


def test_number_of_values_does_not_multiply_the_statements() -> None:
    keys = {bind_filters(DealFilters(city=["Rome"] * cities, category=["luxury"] * 3)).key for cities in range(2, 50)}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("filters", "rollup"),
    [
        ({}, DealRollup),
        ({"city": ["Rome", "Oslo"], "hotel_id": 1, "min_stars": 4, "available_only": True}, DealRollup),
        ({"country": "Italy"}, DealRollup),
        ({"category": ["luxury"]}, CategoryRollup),
        ({"category": ["luxury"], "city": ["Rome"], "min_stars": 4}, CategoryRollup),
        ({"category": ["luxury", "beach"]}, None),
        ({"category": ["luxury"], "room_type": "Suite"}, None),
        ({"price_min": Decimal(1)}, None),
        ({"price_max": Decimal(1)}, None),
        ({"min_discount": 1}, None),
        ({"checkin_from": "2026-01-01"}, None),
        ({"checkin_to": "2026-01-01"}, None),
    ],
)
def test_choose_rollup_returns_the_rollup_with_a_column_for_every_filter(
    filters: dict[str, Any], rollup: Rollup | None
) -> None:
    assert choose_rollup(bind_filters(DealFilters(**filters)).key) is rollup


@pytest.mark.parametrize(
    ("filters", "strategies"),
    [
        ({}, 0),
        ({"min_stars": 4, "price_min": Decimal(1)}, 0),
        ({"city": ["Rome"], "hotel_id": 1}, 1),
        ({"room_type": "Suite", "min_stars": 4}, 1),
        ({"city": ["Rome"], "category": ["luxury"], "room_type": "Suite"}, 3),
    ],
)
def test_page_of_ids_has_a_strategy_for_hotels_categories_and_texts(filters: dict[str, Any], strategies: int) -> None:
    key = bind_filters(DealFilters(**filters)).key
    sql = CompiledStatement[Any](select(page_of_ids(key, DealSort.ID, start="first", limit=20).subquery())).sql
    assert sql.count("UNION ALL") == strategies
    assert len({f"few_{n}" for n in range(9) if f"few.few_{n}" in sql}) == strategies
