"""The few ways to change deals."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, all_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.db.errors import map_constraint_errors
from app.db.statements import CompiledStatement, Executor, Row, literal_int
from app.errors import AppError, ExternalIdTakenError, HotelNotFoundError
from app.models import Deal, deal_categories
from app.repositories.constraints import plain_text_rules

_WRITTEN: Final = (
    "external_id",
    "hotel_id",
    "room_type",
    "star_rating",
    "price_per_night",
    "original_price",
    "discount_percent",
    "checkin_date",
    "checkout_date",
    "is_available",
)
_RULES: Final[Mapping[str, Callable[[], AppError]]] = {
    "uq_deals_external_id": ExternalIdTakenError,
    "fk_deals_hotel_id_hotels": HotelNotFoundError,
    **plain_text_rules("deals", room_type="room_type"),
}


class DealRepository:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def find(self, deal_id: int) -> Deal | None:
        """The deal to work on, without its hotel and its categories."""
        rows = await self._database.fetch_all(_by_id(), {"id": deal_id})
        return Deal(**rows[0]) if rows else None

    async def version_of(self, deal_id: int) -> int | None:
        """The version in the database now, None for a deal that is not there."""
        deal = await self.find(deal_id)
        return deal.version if deal else None

    async def add(self, deal: Deal, *, categories: Sequence[int]) -> None:
        """Write a new deal, which gets its id, and file it under categories, by id.

        Raises ExternalIdTakenError, InvalidError, and HotelNotFoundError for a hotel removed meanwhile.
        """
        with map_constraint_errors(_RULES):
            (row,) = await self._database.fetch_all(_insert(), _values_of(deal))
        deal.id = row["id"]
        await self._file(deal, _link(), categories)

    async def save(self, deal: Deal, *, categories: Sequence[int] | None) -> bool:
        """Write `deal`, its version one higher, and its categories unless they are None. Raises as `add` does.

        False, and nothing is written, if somebody else changed it first.
        """
        with map_constraint_errors(_RULES):
            rows = await self._database.fetch_all(
                _update(), {**_values_of(deal), "id_": deal.id, "version_": deal.version}
            )
        if rows and categories is not None:
            await self._file(deal, _unlink_others(), categories)
            await self._file(deal, _link(), categories)
        return bool(rows)

    async def remove(self, deal: Deal) -> bool:
        """False if somebody else changed the deal first."""
        return bool(await self._database.fetch_all(_delete(), {"id_": deal.id, "version_": deal.version}))

    async def _file(self, deal: Deal, statement: CompiledStatement[Row], categories: Sequence[int]) -> None:
        await self._database.fetch_all(statement, {"deal_id": deal.id, "categories": categories})


def _values_of(deal: Deal) -> dict[str, object]:
    return {column: getattr(deal, column) for column in _WRITTEN}


_IS_SAME: Final = (Deal.id == bindparam("id_"), Deal.version == bindparam("version_"))


@lru_cache
def _by_id() -> CompiledStatement[Row]:
    return CompiledStatement(select(*Deal.__table__.columns).where(Deal.id == bindparam("id")))


@lru_cache
def _insert() -> CompiledStatement[Row]:
    return CompiledStatement(insert(Deal).values({column: bindparam(column) for column in _WRITTEN}).returning(Deal.id))


@lru_cache
def _update() -> CompiledStatement[Row]:
    written: dict[str, Any] = {column: bindparam(column) for column in _WRITTEN}
    risen = {"version": Deal.version + literal_int(1), "updated_at": func.now()}
    return CompiledStatement(update(Deal).values(written | risen).where(*_IS_SAME).returning(Deal.id))


@lru_cache
def _delete() -> CompiledStatement[Row]:
    # The deal is locked before its links, as an update does: the other way round the two could deadlock.
    return CompiledStatement(delete(Deal).where(*_IS_SAME).returning(Deal.id))


@lru_cache
def _link() -> CompiledStatement[Row]:
    category = func.unnest(bindparam("categories", type_=ARRAY(BigInteger))).column_valued("category_id")
    links = select(bindparam("deal_id", type_=BigInteger), category).order_by(category)
    return CompiledStatement(
        insert(deal_categories).from_select(["deal_id", "category_id"], links).on_conflict_do_nothing()
    )


@lru_cache
def _unlink_others() -> CompiledStatement[Row]:
    link = deal_categories.c
    is_other = link.category_id != all_(bindparam("categories", type_=ARRAY(BigInteger)))
    return CompiledStatement(delete(deal_categories).where(link.deal_id == bindparam("deal_id"), is_other))
