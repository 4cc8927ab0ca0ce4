"""What one can ask of the deals."""

from app.errors import DealNotFoundError
from app.models import Deal
from app.paging import Page
from app.repositories.deals import DealRepository
from app.schemas.deals import DealQuery


class DealService:
    def __init__(self, *, deals: DealRepository) -> None:
        self._deals = deals

    async def get(self, deal_id: int) -> Deal:
        """Raises DealNotFoundError."""
        deal = await self._deals.get(deal_id)
        if deal is None:
            raise DealNotFoundError(deal_id)
        return deal

    async def page(self, query: DealQuery) -> Page[Deal]:
        items = await self._deals.page(skip=query.skip, limit=query.limit)
        return Page(items, await self._deals.count(), query.skip, query.limit)
