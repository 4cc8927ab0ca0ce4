"""What one can ask of the categories."""

from app.db.statements import Row
from app.repositories.categories import CategoryViews


class CategoryService:
    def __init__(self, *, views: CategoryViews) -> None:
        self._views = views

    async def sizes(self) -> list[Row]:
        return await self._views.sizes()
