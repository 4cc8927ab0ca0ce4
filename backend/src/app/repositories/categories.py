"""Categories by name. Names are the same whatever their case, and the database folds it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ARRAY, Text, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.violations import violations
from app.models import Category
from app.repositories.plain_text import plain_text_rules

_RULES: Final = plain_text_rules("categories", name="categories")


class CategoryRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def named(self, names: Sequence[str]) -> list[Category]:
        """The categories of these names; one that is not in the catalogue yet is added to it. Raises InvalidError."""
        if not names:
            return []
        name = func.unnest(cast(names, ARRAY(Text))).column_valued("name")
        is_missing = func.lower(name).not_in(select(func.lower(Category.name)))
        missing = select(name).where(is_missing).order_by(func.lower(name))
        with violations(_RULES):
            await self._session.execute(insert(Category).from_select(["name"], missing).on_conflict_do_nothing())
        wanted = select(Category).where(func.lower(Category.name).in_(select(func.lower(name))))
        return list(await self._session.scalars(wanted.order_by(Category.name)))
