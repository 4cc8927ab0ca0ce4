"""What one can ask of the deals."""

from collections.abc import Awaitable, Callable

from app.db.reading import Row
from app.errors import DealNotFoundError, InvalidError, Problem
from app.paging import After, Count, Cursors, Offset, Page
from app.repositories.deal_views import DealView, DealViews
from app.schemas.deals import DealQuery
from app.schemas.stats import StatsQuery


class DealSearch:
    def __init__(self, *, views: DealViews, cursors: Callable[[], Awaitable[Cursors]]) -> None:
        self._views = views
        self._cursors = cursors

    async def get(self, deal_id: int) -> DealView:
        """Raises DealNotFoundError."""
        deal = await self._views.get(deal_id)
        if deal is None:
            raise DealNotFoundError(deal_id)
        return deal

    async def page(self, query: DealQuery) -> Page[DealView]:
        """A page, found with one deal more than asked for, to know whether more follow. Raises InvalidCursorError."""
        cursors = await self._cursors()
        start, exact = _start(query, cursors), query.count is Count.EXACT
        found, total = await self._views.page(
            query, sort=query.sort, start=start, limit=query.limit + 1, with_total=exact
        )
        if query.count is Count.ESTIMATED:
            total = await self._views.estimate(query)
        items, has_more = found[: query.limit], len(found) > query.limit
        return Page(
            items=items,
            total=total,
            total_kind=query.count,
            skip=start.skip if isinstance(start, Offset) else None,
            limit=query.limit,
            has_more=has_more,
            next_cursor=_cursor_behind(items[-1], query, cursors) if has_more else None,
        )

    async def stats(self, query: StatsQuery) -> list[Row]:
        return await self._views.stats(query)


def _start(query: DealQuery, cursors: Cursors) -> Offset | After:
    if query.cursor is None:
        return Offset(query.skip)
    if "skip" in query.model_fields_set:
        raise InvalidError(details=[Problem("cursor", "can't be given together with skip")])
    return cursors.read(query.cursor, sort=query.sort, filters=query.filters)


def _cursor_behind(deal: DealView, query: DealQuery, cursors: Cursors) -> str:
    after = After(deal[query.sort.field], deal["id"])
    return cursors.write(after, sort=query.sort, filters=query.filters)
