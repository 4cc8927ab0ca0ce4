"""Deals as clients see them, and what the list takes."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator

from app.schemas.base import Amount, Output
from app.schemas.hotels import HotelOut
from app.schemas.paging import PageOut, PageQuery


def _names(categories: str) -> list[str]:
    return categories.split(",") if categories else []


class DealOut(Output):
    id: int
    external_id: int | None
    room_type: str
    star_rating: int
    price_per_night: Amount
    original_price: Amount
    discount_percent: int
    checkin_date: date
    checkout_date: date
    is_available: bool
    categories: Annotated[list[str], BeforeValidator(_names)]
    hotel: HotelOut
    created_at: datetime


class DealQuery(PageQuery):
    """Everything GET /deals accepts."""


class DealPage(PageOut):
    items: list[DealOut]
