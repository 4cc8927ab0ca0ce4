"""Deals as they are shown: with their hotel, its average, and their categories, in one statement."""

from typing import Any, Final, NamedTuple

from app.db.reading import Asks, Row
from app.paging import After, Offset
from app.repositories.deal_ids import Start
from app.repositories.deal_questions import HOTEL_FIELDS, deal_by_id, deals_page, matching_deals, prices_by_city
from app.repositories.estimates import estimated_rows
from app.repositories.filters import Given
from app.schemas.deals import DealSort
from app.schemas.filters import DealFilters

_GREATEST: Final = 2**63 - 1

DealView = dict[str, Any]
"""What is shown of a deal, by field."""

_HOTEL: Final = {field: f"hotel_{field}" for field in HOTEL_FIELDS}


class DealViewPage(NamedTuple):
    deals: list[DealView]
    total: int | None
    """How many deals match in all, in the same snapshot as the page; None if that was not asked."""


class DealViews:
    def __init__(self, database: Asks) -> None:
        self._database = database

    async def get(self, deal_id: int) -> DealView | None:
        """The deal as it is in the database now."""
        rows = await self._database.rows(deal_by_id(), {"deal_id": deal_id})
        return _view(rows[0]) if rows else None

    async def page(
        self, filters: DealFilters, *, sort: DealSort, start: Offset | After, limit: int, with_total: bool
    ) -> DealViewPage:
        """Deals in the order of `sort`, with the exact number of those that match if asked."""
        given = Given.by(filters)
        question = deals_page(given.shape, sort, start=_kind(start), limit=limit, with_total=with_total)
        rows = await self._database.rows(question, given.values | _values(start, limit=limit))
        total = rows[0]["total"] if with_total else None
        return DealViewPage([_view(row) for row in rows if row["id"] is not None], total)

    async def estimate(self, filters: DealFilters) -> int:
        """The planner's idea of the number of deals that match."""
        given = Given.by(filters)
        return await estimated_rows(self._database, matching_deals(given.shape), given.values)

    async def stats(self, filters: DealFilters) -> list[Row]:
        """`city`, `avg_price` and `deal_count` of the matching deals, in the order of the cities' names.

        A city's name is the same whatever its case.
        """
        given = Given.by(filters)
        return await self._database.rows(prices_by_city(given.shape), given.values)


def _view(row: Row) -> DealView:
    row["hotel"] = {field: row[column] for field, column in _HOTEL.items()}
    return row


def _kind(start: Offset | After) -> Start:
    if isinstance(start, After):
        return "after"
    return "skip" if start.skip else "first"


def _values(start: Offset | After, *, limit: int) -> dict[str, object]:
    if isinstance(start, Offset):
        return {"skip": start.skip, "end": min(start.skip + limit, _GREATEST)}
    return {"after_key": start.key, "after_id": start.id}
