"""What one can ask of the categories."""

from app.repositories.categories import CategoryRepository, CategorySize


class CategoryService:
    def __init__(self, *, categories: CategoryRepository) -> None:
        self._categories = categories

    async def sizes(self) -> list[CategorySize]:
        return await self._categories.sizes()
