"""What one can ask of the categories."""

from app.repositories.categories import CategoryQueries, CategoryRow


class CategoryService:
    def __init__(self, *, queries: CategoryQueries) -> None:
        self._queries = queries

    async def list(self) -> list[CategoryRow]:
        return await self._queries.list_with_counts()
