"""GET /deals/stats."""

from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import DealFactory, HotelFactory


@pytest.fixture(autouse=True)
async def deals(session: AsyncSession) -> None:
    toronto, lower, rome = (HotelFactory.build(city=city) for city in ("Toronto", "toronto", "Rome"))
    make = DealFactory.build
    session.add_all(
        [
            make(hotel=toronto, price_per_night=Decimal("10.00"), star_rating=5),
            make(hotel=toronto, price_per_night=Decimal("10.01")),
            make(hotel=lower, price_per_night=Decimal("10.01")),
            make(hotel=toronto, price_per_night=Decimal("99.00"), is_available=False),
            make(hotel=rome, price_per_night=Decimal("7.77")),
        ]
    )
    await session.commit()


async def stats(client: AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    answer = await client.get("/deals/stats", params=filters)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()
    return rows


async def test_what_can_be_booked_is_counted_by_city(client: AsyncClient) -> None:
    assert await stats(client) == [
        {"city": "Rome", "avg_price": 7.77, "deal_count": 1},
        {"city": "Toronto", "avg_price": 10.01, "deal_count": 3},
    ]


async def test_everything_is_counted_if_asked_for(client: AsyncClient) -> None:
    assert {row["city"]: row["deal_count"] for row in await stats(client, available_only="false")} == {
        "Rome": 1,
        "Toronto": 4,
    }


async def test_the_filters_are_those_of_the_list(client: AsyncClient) -> None:
    assert await stats(client, city="TORONTO", min_stars=5) == [{"city": "Toronto", "avg_price": 10.0, "deal_count": 1}]
    assert await stats(client, city="Nowhere") == []


@pytest.mark.parametrize("parameter", ["skip", "limit", "sort", "cursor"])
async def test_there_are_no_pages(client: AsyncClient, parameter: str) -> None:
    answer = await client.get("/deals/stats", params={parameter: "1"})
    assert answer.json()["error"]["code"] == "unknown_parameter"
