"""Questions about hotels."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Hotel


class HotelRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, hotel_id: int) -> Hotel | None:
        """The hotel alone, without its average."""
        return await self._session.get(Hotel, hotel_id)
