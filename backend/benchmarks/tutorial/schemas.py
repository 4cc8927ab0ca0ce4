"""Request and response models that read ORM entities by attribute."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, field_validator

from benchmarks.tutorial.models import Category


class HotelOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    city: str
    country: str
    phone: str
    avg_star_rating: float | None


class DealOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    external_id: int | None
    room_type: str
    star_rating: int
    price_per_night: float
    original_price: float
    discount_percent: int
    checkin_date: date
    checkout_date: date
    is_available: bool
    categories: list[str]
    hotel: HotelOut
    version: int
    created_at: datetime
    updated_at: datetime

    @field_validator("categories", mode="before")
    @classmethod
    def names(cls, value: list[Category]) -> list[str]:
        return [category.name for category in value]


class DealPage(BaseModel):
    items: list[DealOut]
    total: int
    skip: int
    limit: int


class CityStats(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    city: str
    avg_price: float
    deal_count: int


class DealCreate(BaseModel):
    hotel_id: int
    external_id: int | None = None
    room_type: str
    star_rating: int
    price_per_night: float
    original_price: float
    discount_percent: int
    checkin_date: date
    checkout_date: date
    is_available: bool = True
    categories: list[str] = []


class DealPatch(BaseModel):
    room_type: str | None = None
    star_rating: int | None = None
    price_per_night: float | None = None
    original_price: float | None = None
    discount_percent: int | None = None
    is_available: bool | None = None
    version: int | None = None
