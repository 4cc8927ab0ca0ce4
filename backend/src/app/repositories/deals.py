"""The few ways to change deals."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.exc import StaleDataError

from app.db.violations import violations
from app.errors import AppError, ExternalIdTakenError, HotelNotFoundError
from app.models import Deal
from app.repositories.plain_text import plain_text_rules

_RULES: Final[Mapping[str, Callable[[], AppError]]] = {
    "uq_deals_external_id": ExternalIdTakenError,
    "fk_deals_hotel_id_hotels": HotelNotFoundError,
    **plain_text_rules("deals", room_type="room_type"),
}


class DealRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, deal_id: int, *, with_categories: bool) -> Deal | None:
        """The deal to work on, without its hotel."""
        options = [selectinload(Deal.categories)] if with_categories else []
        return await self._session.get(Deal, deal_id, options=options)

    async def version_of(self, deal_id: int) -> int | None:
        """The version in the database now, None for a deal that is not there."""
        return await self._session.scalar(select(Deal.version).where(Deal.id == deal_id))

    async def add(self, deal: Deal) -> None:
        """Raises ExternalIdTakenError, InvalidError, and HotelNotFoundError for a hotel removed meanwhile."""
        self._session.add(deal)
        with violations(_RULES):
            await self._session.flush()

    async def save(self, deal: Deal) -> bool:
        """Write what was changed of `deal`; False if somebody else changed it first. Raises as `add` does."""
        deal.touch()
        try:
            with violations(_RULES):
                await self._session.flush()
        except StaleDataError:
            await self._session.rollback()
            return False
        return True

    async def remove(self, deal: Deal) -> bool:
        """False if somebody else changed the deal first."""
        # The deal is locked before its links, as `save` does: the other way round the two could deadlock.
        statement = delete(Deal).where(Deal.id == deal.id, Deal.version == deal.version).returning(Deal.id)
        return await self._session.scalar(statement) is not None
