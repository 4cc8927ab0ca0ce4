"""Deals: search and writes."""

from collections.abc import Awaitable, Callable

from app.entity_tags import Precondition
from app.errors import DealNotFoundError, ErrorDetail, InvalidError, VersionConflictError
from app.models import Deal
from app.pagination import CursorCodec, KeysetPosition, Offset, Page, TotalMode
from app.repositories.categories import CategoryRepository
from app.repositories.deal_queries import CityStatsRow, DealQueries, DealRow
from app.repositories.deals import DealRepository
from app.repositories.hotels import HotelRepository
from app.schemas.deals import DealCreate, DealPatch, DealQuery, StatsQuery


class DealService:
    """Writes, in the transaction of one session."""

    def __init__(
        self, *, deals: DealRepository, queries: DealQueries, hotels: HotelRepository, categories: CategoryRepository
    ) -> None:
        self._deals = deals
        self._queries = queries
        self._hotels = hotels
        self._categories = categories

    async def create(self, new: DealCreate) -> DealRow:
        """Raises HotelNotFoundError, ExternalIdTakenError, StayDatesError and InvalidError."""
        await self._hotels.get(new.hotel_id)
        deal = Deal(**new.model_dump(exclude={"categories"}))
        deal.reschedule(checkin=new.checkin_date, checkout=new.checkout_date)
        deal.categories = await self._categories.get_or_create(new.categories)
        await self._deals.add(deal)
        return await self._get_row(deal.id)

    async def update(
        self, deal_id: int, patch: DealPatch, *, precondition: Precondition[DealRow] | None = None
    ) -> DealRow:
        """Raises DealNotFoundError, VersionConflictError, and the errors of `create` and of `precondition`.

        An empty patch has no effect.
        """
        changes = patch.changes()
        deal = await self._deals.get(deal_id, with_categories="categories" in changes)
        await self._check(deal, precondition=precondition, version=patch.expected_version)
        if not changes:
            return await self._get_row(deal_id)
        if "hotel_id" in changes:
            await self._hotels.get(changes["hotel_id"])
        if "categories" in changes:
            deal.categories = await self._categories.get_or_create(changes.pop("categories"))
        deal.reschedule(
            checkin=changes.pop("checkin_date", deal.checkin_date),
            checkout=changes.pop("checkout_date", deal.checkout_date),
        )
        for name, value in changes.items():
            setattr(deal, name, value)
        await self._deals.update(deal)
        return await self._get_row(deal_id)

    async def delete(
        self, deal_id: int, *, precondition: Precondition[DealRow] | None = None, version: int | None = None
    ) -> None:
        """Raises DealNotFoundError, VersionConflictError and the errors of `precondition`."""
        deal = await self._deals.get(deal_id)
        await self._check(deal, precondition=precondition, version=version)
        await self._deals.delete(deal)

    async def _check(self, deal: Deal, *, precondition: Precondition[DealRow] | None, version: int | None) -> None:
        if precondition is not None:
            precondition(await self._get_row(deal.id))
        if version is not None and version != deal.version:
            raise VersionConflictError(deal.version)

    async def _get_row(self, deal_id: int) -> DealRow:
        row = await self._queries.get(deal_id)
        if row is None:
            raise DealNotFoundError(deal_id)
        return row


class DealSearchService:
    """Reads, outside transactions."""

    def __init__(self, *, queries: DealQueries, get_cursor_codec: Callable[[], Awaitable[CursorCodec]]) -> None:
        self._queries = queries
        self._get_cursor_codec = get_cursor_codec

    async def get(self, deal_id: int) -> DealRow:
        """Raises DealNotFoundError."""
        deal = await self._queries.get(deal_id)
        if deal is None:
            raise DealNotFoundError(deal_id)
        return deal

    async def page(self, query: DealQuery) -> Page[DealRow]:
        """A page; one more deal is selected to find out whether it is the last. Raises InvalidCursorError."""
        cursors = await self._get_cursor_codec()
        start, exact = _start(query, cursors), query.count is TotalMode.EXACT
        found, total = await self._queries.page(
            query, sort=query.sort, start=start, limit=query.limit + 1, with_total=exact
        )
        if query.count is TotalMode.ESTIMATED:
            total = await self._queries.estimate(query)
        items, has_more = found[: query.limit], len(found) > query.limit
        return Page(
            items=items,
            total=total,
            total_kind=query.count,
            skip=start.skip if isinstance(start, Offset) else None,
            limit=query.limit,
            has_more=has_more,
            next_cursor=_get_cursor_after(items[-1], query, cursors) if has_more else None,
        )

    async def stats(self, query: StatsQuery) -> list[CityStatsRow]:
        return await self._queries.stats(query, sort=query.sort)


def _start(query: DealQuery, cursors: CursorCodec) -> Offset | KeysetPosition:
    if query.cursor is not None and query.skip:
        raise InvalidError(details=[ErrorDetail("cursor", "cannot be combined with skip")])
    if not query.cursor:
        return Offset(query.skip)
    return cursors.decode(query.cursor, sort=query.sort, filter_fingerprint=query.filter_fingerprint)


def _get_cursor_after(deal: DealRow, query: DealQuery, cursors: CursorCodec) -> str:
    position = KeysetPosition(deal[query.sort.field], deal["id"])
    return cursors.encode(position, sort=query.sort, filter_fingerprint=query.filter_fingerprint)
