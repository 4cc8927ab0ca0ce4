"""The few ways to change hotels."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import String, bindparam, delete, func, insert, select, update

from app.db.errors import map_constraint_errors
from app.db.statements import CompiledStatement, Executor, Row
from app.errors import AppError, HotelExistsError, HotelHasDealsError, HotelNotFoundError
from app.models import Hotel
from app.repositories.constraints import plain_text_rules

_WRITTEN: Final = ("name", "city", "country", "phone")
_RULES: Final[Mapping[str, Callable[[], AppError]]] = {
    "uq_hotels_phone": HotelExistsError,
    "uq_hotels_name_city_country": HotelExistsError,
    "fk_deals_hotel_id_hotels": HotelHasDealsError,
    **plain_text_rules("hotels", name="name", city="city", country="country", phone="phone"),
}


class HotelRepository:
    def __init__(self, database: Executor) -> None:
        self._database = database

    async def exists(self, hotel_id: int) -> bool:
        return bool(await self._database.fetch_all(_by_id(), {"id": hotel_id}))

    async def add(self, hotel: Hotel) -> None:
        """Write a new hotel, which gets its id. Raises HotelExistsError and InvalidError."""
        with map_constraint_errors(_RULES):
            (row,) = await self._database.fetch_all(_insert(), _values_of(hotel))
        hotel.id = row["id"]

    async def save(self, hotel_id: int, changes: Mapping[str, str]) -> None:
        """Write the fields that are named. Raises as `add` does, and HotelNotFoundError if the hotel is gone."""
        values = {column: changes.get(column) for column in _WRITTEN}
        with map_constraint_errors(_RULES):
            rows = await self._database.fetch_all(_update(), {**values, "id_": hotel_id})
        if not rows:
            raise HotelNotFoundError(hotel_id)

    async def remove(self, hotel_id: int) -> None:
        """Raises HotelNotFoundError and HotelHasDealsError."""
        with map_constraint_errors(_RULES):
            rows = await self._database.fetch_all(_delete(), {"id": hotel_id})
        if not rows:
            raise HotelNotFoundError(hotel_id)


def _values_of(hotel: Hotel) -> dict[str, object]:
    return {column: getattr(hotel, column) for column in _WRITTEN}


@lru_cache
def _by_id() -> CompiledStatement[Row]:
    return CompiledStatement(select(Hotel.id).where(Hotel.id == bindparam("id")))


@lru_cache
def _insert() -> CompiledStatement[Row]:
    return CompiledStatement(
        insert(Hotel).values({column: bindparam(column) for column in _WRITTEN}).returning(Hotel.id)
    )


@lru_cache
def _update() -> CompiledStatement[Row]:
    # What another request wrote meanwhile to the other fields stays.
    written: dict[str, Any] = {
        column: func.coalesce(bindparam(column, type_=String), Hotel.__table__.c[column]) for column in _WRITTEN
    }
    return CompiledStatement(update(Hotel).values(written).where(Hotel.id == bindparam("id_")).returning(Hotel.id))


@lru_cache
def _delete() -> CompiledStatement[Row]:
    return CompiledStatement(delete(Hotel).where(Hotel.id == bindparam("id")).returning(Hotel.id))
