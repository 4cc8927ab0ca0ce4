"""Hotels as clients see them, what the list takes, and what they can send."""

from typing import Any

from pydantic import Field

from app.schemas.base import (
    CityName,
    CountryName,
    DecimalNumber,
    HotelName,
    Phone,
    RequestModel,
    ResponseModel,
    absent,
    example,
)
from app.schemas.filters import DealFilters
from app.schemas.params import PageQuery, Sort


class HotelOut(ResponseModel):
    id: int
    name: str
    city: str
    country: str
    phone: str
    avg_star_rating: DecimalNumber | None = Field(
        description="Average over all deals of the hotel, two decimals; null without deals."
    )


class HotelSort(Sort):
    """What the list can be ordered by, and by that in descending order; ties are in the order of `id`."""

    NAME = "name"
    NAME_DESC = "-name"
    MIN_PRICE = "min_price"
    MIN_PRICE_DESC = "-min_price"
    DEAL_COUNT = "deal_count"
    DEAL_COUNT_DESC = "-deal_count"
    STARS = "avg_star_rating"
    STARS_DESC = "-avg_star_rating"


class HotelQuery(DealFilters, PageQuery):
    """Everything GET /hotels accepts."""

    sort: HotelSort = Field(
        HotelSort.NAME, description="A field, `-` before it for descending; ties follow `id`.", examples=["min_price"]
    )


class HotelWithDeals(HotelOut):
    deal_count: int = Field(description="How many of its deals match.")
    min_price: DecimalNumber = Field(description="The lowest price per night of those.")


class HotelPage(ResponseModel):
    items: list[HotelWithDeals]
    total: int = Field(description="How many hotels have a deal that matches.")
    skip: int
    limit: int


class HotelCreate(RequestModel):
    """A new hotel."""

    model_config = example(name="Crown Tower", city="Toronto", country="Canada", phone="+1-416-555-0133")

    name: HotelName
    city: CityName
    country: CountryName
    phone: Phone


class HotelPatch(RequestModel):
    """What to change of a hotel; what is absent stays as it is."""

    model_config = example(phone="+1-416-555-0134")

    name: HotelName = absent()
    city: CityName = absent()
    country: CountryName = absent()
    phone: Phone = absent()

    def changes(self) -> dict[str, Any]:
        """What was sent, by field."""
        return self.model_dump(exclude_unset=True)
