"""Questions about deals."""

from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.models import Deal, Hotel

_SHOWN: Final = (joinedload(Deal.hotel).undefer(Hotel.avg_star_rating),)


class DealRepository:
    """Deals come with all that is shown of them: their hotel and its average."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, deal_id: int) -> Deal | None:
        return await self._session.scalar(select(Deal).where(Deal.id == deal_id).options(*_SHOWN))

    async def page(self, *, skip: int, limit: int) -> list[Deal]:
        """Deals by id. The ids are found first, so that skipped deals are neither joined nor averaged."""
        ids = select(Deal.id).order_by(Deal.id).offset(skip).limit(limit)
        return list(await self._session.scalars(_shown(ids).order_by(Deal.id)))

    async def count(self) -> int:
        return await self._session.scalar(select(func.count()).select_from(Deal)) or 0


def _shown(ids: Select[int]) -> Select[Deal]:
    return select(Deal).where(Deal.id.in_(ids)).options(*_SHOWN)
