"""Categories as they are shown."""

from functools import lru_cache

from sqlalchemy import BigInteger, cast, func, select

from app.db.reading import Asks, Question, Row, constant
from app.models import Category, CategoryRollup


class CategoryViews:
    def __init__(self, database: Asks) -> None:
        self._database = database

    async def sizes(self) -> list[Row]:
        """`name` and `deal_count` of every category, by name."""
        return await self._database.rows(_sizes(), {})


@lru_cache
def _sizes() -> Question:
    count = func.coalesce(func.sum(CategoryRollup.deal_count), constant(0))
    return Question(
        select(Category.name, cast(count, BigInteger).label("deal_count"))
        .outerjoin(CategoryRollup, CategoryRollup.category_id == Category.id)
        .group_by(Category.id)
        .order_by(Category.name)
    )
