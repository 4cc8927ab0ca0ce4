"""What one can do to the deals."""

from app.errors import AppError, DealNotFoundError, HotelNotFoundError, VersionConflictError
from app.models import Deal
from app.repositories.categories import CategoryRepository
from app.repositories.deal_views import DealView, DealViews
from app.repositories.deals import DealRepository
from app.repositories.hotels import HotelRepository
from app.schemas.deals import DealCreate, DealPatch
from app.services.idempotency import Once


class DealService:
    def __init__(
        self, *, deals: DealRepository, views: DealViews, hotels: HotelRepository, categories: CategoryRepository
    ) -> None:
        self._deals = deals
        self._views = views
        self._hotels = hotels
        self._categories = categories

    async def create(self, new: DealCreate, *, once: Once) -> DealView:
        """Raises HotelNotFoundError, ExternalIdTakenError, StayDatesError, InvalidError and what `once` raises."""
        await once.begin(new)
        await self._check_hotel(new.hotel_id)
        categories = await self._categories.named(new.categories)
        deal = Deal(**new.model_dump(exclude={"categories"}))
        deal.reschedule(checkin=new.checkin_date, checkout=new.checkout_date)
        await self._deals.add(deal, categories=categories)
        return await self._shown(deal.id)

    async def change(self, deal_id: int, patch: DealPatch) -> DealView:
        """Raises DealNotFoundError, VersionConflictError and what `create` raises. Nothing sent changes nothing."""
        deal = await self._at_version(deal_id, patch.version)
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

    async def remove(self, deal_id: int, *, version: int | None) -> None:
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

    async def _shown(self, deal_id: int) -> DealView:
        deal = await self._views.get(deal_id)
        if deal is None:
            raise DealNotFoundError(deal_id)
        return deal
