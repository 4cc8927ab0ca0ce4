"""What one can ask of the deals, and do to them."""

from app.errors import AppError, DealNotFoundError, HotelNotFoundError, InvalidError, Problem, VersionConflictError
from app.models import Deal, Hotel
from app.paging import After, Count, Cursors, Offset, Page
from app.repositories.categories import CategoryRepository
from app.repositories.deals import CityPrices, DealRepository
from app.repositories.hotels import HotelRepository
from app.schemas.deals import DealCreate, DealPatch, DealQuery
from app.schemas.stats import StatsQuery


class DealService:
    def __init__(
        self,
        *,
        deals: DealRepository,
        hotels: HotelRepository,
        categories: CategoryRepository,
        cursors: Cursors,
    ) -> None:
        self._deals = deals
        self._hotels = hotels
        self._categories = categories
        self._cursors = cursors

    async def get(self, deal_id: int) -> Deal:
        """Raises DealNotFoundError."""
        deal = await self._deals.get(deal_id)
        if deal is None:
            raise DealNotFoundError(deal_id)
        return deal

    async def page(self, query: DealQuery) -> Page[Deal]:
        """A page, found with one deal more than asked for, to know whether more follow. Raises InvalidCursorError."""
        start = self._start(query)
        found = await self._deals.page(query, sort=query.sort, start=start, limit=query.limit + 1)
        items, has_more = found[: query.limit], len(found) > query.limit
        return Page(
            items=items,
            total=await self._total(query),
            total_kind=query.count,
            skip=start.skip if isinstance(start, Offset) else None,
            limit=query.limit,
            has_more=has_more,
            next_cursor=self._cursor_behind(items[-1], query) if has_more else None,
        )

    async def stats(self, query: StatsQuery) -> list[CityPrices]:
        return await self._deals.stats(query)

    async def create(self, new: DealCreate) -> Deal:
        """Raises HotelNotFoundError, ExternalIdTakenError, StayDatesError and InvalidError."""
        values = new.model_dump(exclude={"hotel_id", "categories"})
        hotel, categories = await self._hotel(new.hotel_id), await self._categories.named(new.categories)
        deal = Deal(**values, hotel=hotel, categories=categories)
        deal.reschedule(checkin=new.checkin_date, checkout=new.checkout_date)
        await self._deals.add(deal)
        return await self.get(deal.id)

    async def change(self, deal_id: int, patch: DealPatch) -> Deal:
        """Raises DealNotFoundError, VersionConflictError and what `create` raises. Nothing sent changes nothing."""
        deal = await self._at_version(deal_id, patch.version)
        changes = patch.changes()
        if not changes:
            return deal
        # Everything is looked up before the deal is touched: a question to the database writes what is changed so far.
        if "hotel_id" in changes:
            changes["hotel"] = await self._hotel(changes.pop("hotel_id"))
        if "categories" in changes:
            changes["categories"] = await self._categories.named(changes["categories"])
        deal.reschedule(
            checkin=changes.pop("checkin_date", deal.checkin_date),
            checkout=changes.pop("checkout_date", deal.checkout_date),
        )
        for name, value in changes.items():
            setattr(deal, name, value)
        if not await self._deals.save(deal):
            raise await self._overtaken(deal_id)
        return await self.get(deal_id)

    async def remove(self, deal_id: int, *, version: int | None) -> None:
        """Raises DealNotFoundError and VersionConflictError."""
        deal = await self._at_version(deal_id, version)
        if not await self._deals.remove(deal):
            raise await self._overtaken(deal_id)

    async def _at_version(self, deal_id: int, version: int | None) -> Deal:
        deal = await self.get(deal_id)
        if version is not None and version != deal.version:
            raise VersionConflictError(deal.version)
        return deal

    async def _overtaken(self, deal_id: int) -> AppError:
        version = await self._deals.version_of(deal_id)
        return DealNotFoundError(deal_id) if version is None else VersionConflictError(version)

    def _start(self, query: DealQuery) -> Offset | After:
        if query.cursor is None:
            return Offset(query.skip)
        if "skip" in query.model_fields_set:
            raise InvalidError(details=[Problem("cursor", "can't be given together with skip")])
        return self._cursors.read(query.cursor, sort=query.sort, filters=query.filters)

    def _cursor_behind(self, deal: Deal, query: DealQuery) -> str:
        after = After(getattr(deal, query.sort.field), deal.id)
        return self._cursors.write(after, sort=query.sort, filters=query.filters)

    async def _total(self, query: DealQuery) -> int | None:
        match query.count:
            case Count.EXACT:
                return await self._deals.count(query)
            case Count.ESTIMATED:
                return await self._deals.estimate(query)
            case Count.NONE:
                return None

    async def _hotel(self, hotel_id: int) -> Hotel:
        hotel = await self._hotels.find(hotel_id)
        if hotel is None:
            raise HotelNotFoundError(hotel_id)
        return hotel
