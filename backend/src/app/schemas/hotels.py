"""Hotels as clients see them."""

from pydantic import Field

from app.schemas.base import Amount, Output


class HotelOut(Output):
    id: int
    name: str
    city: str
    country: str
    phone: str
    avg_star_rating: Amount | None = Field(description="Average over all deals of the hotel, two decimals.")
