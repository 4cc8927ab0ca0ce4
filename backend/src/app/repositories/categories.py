"""Queries and writes of categories. Their names are case-insensitive, and the database folds the case."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, TypedDict

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Select,
    TableValuedAlias,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.encoding import fold
from app.db.errors import map_constraint_errors, plain_text_rules
from app.db.statements import CompiledStatement, Executor, literal_int
from app.models import Category, CategoryRollup

_RULES: Final = plain_text_rules("categories", name="categories")


class CategoryRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_or_create(self, names: Sequence[str]) -> list[Category]:
        """The categories with these names, each once; missing ones are inserted. Raises InvalidError."""
        if not names:
            return []
        found = await self._find(names)
        if None in found:
            await self._insert_missing(names)
            found = await self._find(names)
        return list(dict.fromkeys(category for category in found if category is not None))

    async def _find(self, names: Sequence[str]) -> Sequence[Category | None]:
        """The category of each name, None where there is none."""
        return (await self._session.scalars(_find_statement(), {"names": names})).all()

    async def _insert_missing(self, names: Sequence[str]) -> None:
        name = _unnest(literal(names, ARRAY(Text))).c.name
        is_missing = fold(name).not_in(select(fold(Category.name)))
        missing = select(name).where(is_missing).order_by(fold(name))
        statement = insert(Category).from_select(["name"], missing).on_conflict_do_nothing()
        with map_constraint_errors(_RULES):
            await self._session.execute(statement)


@lru_cache
def _find_statement() -> Select[Category | None]:
    """Built once, so that SQLAlchemy computes its cache key once."""
    requested = _unnest(bindparam("names", type_=ARRAY(Text)))
    is_same = fold(Category.name) == fold(requested.c.name)
    return select(Category).select_from(requested).outerjoin(Category, is_same)


def _unnest(names: BindParameter[Any]) -> TableValuedAlias:
    return func.unnest(names).table_valued(column("name", Text), name="requested").render_derived()


class CategoryRow(TypedDict):
    name: str
    deal_count: int


class CategoryQueries:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def list_with_counts(self) -> list[CategoryRow]:
        """Every category with its number of deals, by name."""
        return await self._executor.fetch_all(list_categories_statement(), {})


@lru_cache
def list_categories_statement() -> CompiledStatement[CategoryRow]:
    count = func.coalesce(func.sum(CategoryRollup.deal_count), literal_int(0))
    return CompiledStatement(
        select(Category.name, cast(count, BigInteger).label("deal_count"))
        .outerjoin(CategoryRollup, CategoryRollup.category_id == Category.id)
        .group_by(Category.id)
        .order_by(Category.name)
    )
