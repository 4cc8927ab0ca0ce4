"""What one can do to the deals."""

from collections.abc import Awaitable, Callable

from app.errors import AppError, DealNotFoundError, ErrorDetail, HotelNotFoundError, InvalidError, VersionConflictError
from app.models import Deal
from app.pagination import CursorCodec, KeysetPosition, Offset, Page, TotalMode
from app.repositories.categories import CategoryRepository
from app.repositories.deal_queries import CityStatsRow, DealQueries, DealRow
from app.repositories.deals import DealRepository
from app.repositories.hotels import HotelRepository
from app.schemas.deals import DealCreate, DealPatch, DealQuery, StatsQuery
from app.services.idempotency import NoIdempotency


class DealService:
    def __init__(
        self, *, deals: DealRepository, views: DealQueries, hotels: HotelRepository, categories: CategoryRepository
    ) -> None:
        self._deals = deals
        self._views = views
        self._hotels = hotels
        self._categories = categories

    async def create(self, new: DealCreate, *, once: NoIdempotency) -> DealRow:
        """Raises HotelNotFoundError, ExternalIdTakenError, StayDatesError, InvalidError and what `once` raises."""
        await once.begin(new)
        await self._check_hotel(new.hotel_id)
        categories = await self._categories.named(new.categories)
        deal = Deal(**new.model_dump(exclude={"categories"}))
        deal.reschedule(checkin=new.checkin_date, checkout=new.checkout_date)
        await self._deals.add(deal, categories=categories)
        return await self._shown(deal.id)

    async def update(self, deal_id: int, patch: DealPatch) -> DealRow:
        """Raises DealNotFoundError, VersionConflictError and what `create` raises. Nothing sent changes nothing."""
        deal = await self._at_version(deal_id, patch.expected_version)
        changes = patch.changes()
        if not changes:
            return await self._shown(deal_id)
        if "hotel_id" in changes:
            await self._check_hotel(changes["hotel_id"])
        categories = await self._categories.named(changes.pop("categories")) if "categories" in changes else None
        deal.reschedule(
            checkin=changes.pop("checkin_date", deal.checkin_date),
            checkout=changes.pop("checkout_date", deal.checkout_date),
        )
        for name, value in changes.items():
            setattr(deal, name, value)
        if not await self._deals.save(deal, categories=categories):
            raise await self._overtaken(deal_id)
        return await self._shown(deal_id)

    async def delete(self, deal_id: int, *, version: int | None) -> None:
        """Raises DealNotFoundError and VersionConflictError."""
        deal = await self._at_version(deal_id, version)
        if not await self._deals.remove(deal):
            raise await self._overtaken(deal_id)

    async def _at_version(self, deal_id: int, version: int | None) -> Deal:
        deal = await self._deals.find(deal_id)
        if deal is None:
            raise DealNotFoundError(deal_id)
        if version is not None and version != deal.version:
            raise VersionConflictError(deal.version)
        return deal

    async def _overtaken(self, deal_id: int) -> AppError:
        version = await self._deals.version_of(deal_id)
        return DealNotFoundError(deal_id) if version is None else VersionConflictError(version)

    async def _check_hotel(self, hotel_id: int) -> None:
        if not await self._hotels.exists(hotel_id):
            raise HotelNotFoundError(hotel_id)

    async def _shown(self, deal_id: int) -> DealRow:
        deal = await self._views.get(deal_id)
        if deal is None:
            raise DealNotFoundError(deal_id)
        return deal


class DealSearch:
    def __init__(self, *, views: DealQueries, cursors: Callable[[], Awaitable[CursorCodec]]) -> None:
        self._views = views
        self._cursors = cursors

    async def get(self, deal_id: int) -> DealRow:
        """Raises DealNotFoundError."""
        deal = await self._views.get(deal_id)
        if deal is None:
            raise DealNotFoundError(deal_id)
        return deal

    async def page(self, query: DealQuery) -> Page[DealRow]:
        """A page, found with one deal more than asked for, to know whether more follow. Raises InvalidCursorError."""
        cursors = await self._cursors()
        start, exact = _start(query, cursors), query.count is TotalMode.EXACT
        found, total = await self._views.page(
            query, sort=query.sort, start=start, limit=query.limit + 1, with_total=exact
        )
        if query.count is TotalMode.ESTIMATED:
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

    async def stats(self, query: StatsQuery) -> list[CityStatsRow]:
        return await self._views.stats(query, sort=query.sort)


def _start(query: DealQuery, cursors: CursorCodec) -> Offset | KeysetPosition:
    if not query.cursor:
        return Offset(query.skip)
    if query.skip:
        raise InvalidError(details=[ErrorDetail("cursor", "cannot be combined with skip")])
    return cursors.decode(query.cursor, sort=query.sort, filter_fingerprint=query.filter_fingerprint)


def _cursor_behind(deal: DealRow, query: DealQuery, cursors: CursorCodec) -> str:
    position = KeysetPosition(deal[query.sort.field], deal["id"])
    return cursors.encode(position, sort=query.sort, filter_fingerprint=query.filter_fingerprint)
