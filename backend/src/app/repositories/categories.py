"""Queries and writes of categories. Their names are case-insensitive, and the database folds the case."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypedDict

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import insert

from app.db.errors import map_constraint_errors
from app.db.statements import CompiledStatement, Executor, Row, literal_int
from app.models import Category, CategoryRollup
from app.repositories.constraints import plain_text_rules

_RULES: Final = plain_text_rules("categories", name="categories")


class CategoryRepository:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def named(self, names: Sequence[str]) -> list[int]:
        """The ids of the categories of these names; one that is not there yet is added. Raises InvalidError."""
        if not names:
            return []
        found = await self._database.fetch_all(_named(), {"names": names})
        if any(row["id"] is None for row in found):
            with map_constraint_errors(_RULES):
                await self._database.fetch_all(_add_missing(), {"names": names})
            found = await self._database.fetch_all(_named(), {"names": names})
        return sorted({row["id"] for row in found})


def _names() -> ColumnElement[str]:
    return func.unnest(bindparam("names", type_=ARRAY(Text))).column_valued("wanted")


@lru_cache
def _named() -> CompiledStatement[Row]:
    """A row for each of the `names`, with the id of its category if there is one."""
    name = _names()
    category = select(Category.id).where(func.lower(Category.name) == func.lower(name))
    return CompiledStatement(select(name, category.scalar_subquery().label("id")))


@lru_cache
def _add_missing() -> CompiledStatement[Row]:
    name = _names()
    is_missing = func.lower(name).not_in(select(func.lower(Category.name)))
    missing = select(name).where(is_missing).order_by(func.lower(name))
    return CompiledStatement(insert(Category).from_select(["name"], missing).on_conflict_do_nothing())


class CategoryRow(TypedDict):
    name: str
    deal_count: int


class CategoryQueries:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def list_with_counts(self) -> list[CategoryRow]:
        """Every category with its number of deals, by name."""
        return await self._database.fetch_all(list_categories_statement(), {})


@lru_cache
def list_categories_statement() -> CompiledStatement[CategoryRow]:
    count = func.coalesce(func.sum(CategoryRollup.deal_count), literal_int(0))
    return CompiledStatement(
        select(Category.name, cast(count, BigInteger).label("deal_count"))
        .outerjoin(CategoryRollup, CategoryRollup.category_id == Category.id)
        .group_by(Category.id)
        .order_by(Category.name)
    )
