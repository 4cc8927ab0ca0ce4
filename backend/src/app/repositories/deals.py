"""Questions about deals, and the few ways to change them."""

from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.exc import StaleDataError

from app.db.violations import violations
from app.errors import ExternalIdTakenError, HotelNotFoundError
from app.models import Deal, Hotel
from app.repositories.filters import conditions
from app.schemas.filters import DealFilters

_SHOWN: Final = (joinedload(Deal.hotel).undefer(Hotel.avg_star_rating),)
_RULES: Final = {"uq_deals_external_id": ExternalIdTakenError, "fk_deals_hotel_id_hotels": HotelNotFoundError}


class DealRepository:
    """Deals come with all that is shown of them: their hotel and its average."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, deal_id: int) -> Deal | None:
        """The deal as it is in the database now, whatever this session has seen before."""
        statement = select(Deal).where(Deal.id == deal_id).options(*_SHOWN)
        return await self._session.scalar(statement, execution_options={"populate_existing": True})

    async def page(self, filters: DealFilters, *, skip: int, limit: int) -> list[Deal]:
        """Deals by id. The ids are found first, so that skipped deals are neither joined nor averaged."""
        ids = select(Deal.id).where(*conditions(filters)).order_by(Deal.id).offset(skip).limit(limit)
        return list(await self._session.scalars(_shown(ids).order_by(Deal.id)))

    async def count(self, filters: DealFilters) -> int:
        return await self._session.scalar(select(func.count()).select_from(Deal).where(*conditions(filters))) or 0

    async def version_of(self, deal_id: int) -> int | None:
        """The version in the database now, None for a deal that is not there."""
        return await self._session.scalar(select(Deal.version).where(Deal.id == deal_id))

    async def add(self, deal: Deal) -> None:
        """Raises ExternalIdTakenError, and HotelNotFoundError for a hotel removed meanwhile."""
        self._session.add(deal)
        with violations(_RULES):
            await self._session.flush()

    async def save(self, deal: Deal) -> bool:
        """Write what was changed of `deal`; False if somebody else changed it first. Raises as `add` does."""
        deal.touch()
        return await self._write()

    async def remove(self, deal: Deal) -> bool:
        """False if somebody else changed the deal first."""
        await self._session.delete(deal)
        return await self._write()

    async def _write(self) -> bool:
        try:
            with violations(_RULES):
                await self._session.flush()
        except StaleDataError:
            await self._session.rollback()
            return False
        return True


def _shown(ids: Select[int]) -> Select[Deal]:
    return select(Deal).where(Deal.id.in_(ids)).options(*_SHOWN)
