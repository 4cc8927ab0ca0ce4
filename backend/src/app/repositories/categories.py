"""Categories by name. Names are the same whatever their case, and the database folds it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from sqlalchemy import ARRAY, ColumnElement, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from app.db.reading import Asks, Question
from app.db.violations import violations
from app.models import Category
from app.repositories.plain_text import plain_text_rules

_RULES: Final = plain_text_rules("categories", name="categories")


class CategoryRepository:
    def __init__(self, database: Asks) -> None:
        self._database = database

    async def named(self, names: Sequence[str]) -> list[int]:
        """The ids of the categories of these names; one that is not there yet is added. Raises InvalidError."""
        if not names:
            return []
        found = await self._database.rows(_named(), {"names": names})
        if any(row["id"] is None for row in found):
            with violations(_RULES):
                await self._database.rows(_add_missing(), {"names": names})
            found = await self._database.rows(_named(), {"names": names})
        return sorted({row["id"] for row in found})


def _names() -> ColumnElement[str]:
    return func.unnest(bindparam("names", type_=ARRAY(Text))).column_valued("wanted")


@lru_cache
def _named() -> Question:
    """A row for each of the `names`, with the id of its category if there is one."""
    name = _names()
    category = select(Category.id).where(func.lower(Category.name) == func.lower(name))
    return Question(select(name, category.scalar_subquery().label("id")))


@lru_cache
def _add_missing() -> Question:
    name = _names()
    is_missing = func.lower(name).not_in(select(func.lower(Category.name)))
    missing = select(name).where(is_missing).order_by(func.lower(name))
    return Question(insert(Category).from_select(["name"], missing).on_conflict_do_nothing())
