"""What a price dashboard shows."""

from pydantic import Field

from app.schemas.base import Amount, Output
from app.schemas.filters import DealFilters
from app.schemas.query import QueryFlag


class StatsQuery(DealFilters):
    """The filter set; a dashboard counts what can be booked unless it says otherwise."""

    available_only: QueryFlag = Field(
        default=True,
        description="Only deals that can be booked. **True** unless it is given, other than on the list.",
        examples=[True],
    )


class CityStats(Output):
    city: str
    avg_price: Amount = Field(description="Average price per night, two decimals.")
    deal_count: int
