"""Writes to deals."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.exc import StaleDataError

from app.db.errors import map_constraint_errors, plain_text_rules
from app.errors import AppError, DealNotFoundError, ExternalIdTakenError, HotelNotFoundError, VersionConflictError
from app.models import Deal

_RULES: Final[Mapping[str, Callable[[], AppError]]] = {
    "uq_deals_external_id": ExternalIdTakenError,
    "fk_deals_hotel_id_hotels": HotelNotFoundError,
    **plain_text_rules("deals", room_type="room_type"),
}


class DealRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, deal_id: int, *, with_categories: bool = False) -> Deal:
        """The deal without its hotel, and without its categories unless they are requested.

        Raises DealNotFoundError.
        """
        options = [selectinload(Deal.categories)] if with_categories else []
        deal = await self._session.get(Deal, deal_id, options=options)
        if deal is None:
            raise DealNotFoundError(deal_id)
        return deal

    async def add(self, deal: Deal) -> None:
        """Insert a deal, which gets its id, and its links to categories.

        Raises ExternalIdTakenError, HotelNotFoundError if the hotel was deleted concurrently, and InvalidError.
        """
        self._session.add(deal)
        with map_constraint_errors(_RULES):
            await self._session.flush()

    async def update(self, deal: Deal) -> None:
        """Write the changes of a deal and increment its version.

        Raises VersionConflictError or DealNotFoundError if another transaction was first, and the errors of `add`.
        """
        deal.updated_at = func.now()  # so that every update increments the version, also one of categories alone
        deal_id = deal.id
        try:
            with map_constraint_errors(_RULES):
                await self._session.flush()
        except StaleDataError as error:
            raise await self._get_conflict(deal_id) from error

    async def delete(self, deal: Deal) -> None:
        """Delete a deal of which the caller has loaded the current version. Raises as `update` does on a conflict."""
        deal_id = deal.id
        await self._session.delete(deal)
        try:
            await self._session.flush()
        except StaleDataError as error:
            raise await self._get_conflict(deal_id) from error

    async def _get_conflict(self, deal_id: int) -> AppError:
        await self._session.rollback()
        version = await self._session.scalar(select(Deal.version).where(Deal.id == deal_id))
        return DealNotFoundError(deal_id) if version is None else VersionConflictError(version)
