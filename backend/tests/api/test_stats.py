"""GET /deals/stats."""

from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import DealFactory, HotelFactory


@pytest.fixture(autouse=True)
async def deals(session: AsyncSession) -> None:
    toronto, lower, rome, oslo = (HotelFactory.build(city=city) for city in ("Toronto", "toronto", "Rome", "oslo"))
    build = DealFactory.build
    session.add_all(
        [
            build(hotel=toronto, price_per_night=Decimal("10.00"), star_rating=5),
            build(hotel=toronto, price_per_night=Decimal("10.01")),
            build(hotel=lower, price_per_night=Decimal("10.01")),
            build(hotel=toronto, price_per_night=Decimal("99.00"), is_available=False),
            build(hotel=rome, price_per_night=Decimal("7.77")),
            build(hotel=oslo, price_per_night=Decimal("25.00")),
        ]
    )
    await session.commit()


async def get_stats(client: AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    response = await client.get("/deals/stats", params=filters)
    assert response.status_code == 200, response.text
    rows: list[dict[str, Any]] = response.json()
    return rows


async def test_get_deal_stats_counts_available_deals_by_city(client: AsyncClient) -> None:
    assert await get_stats(client) == [
        {"city": "Toronto", "avg_price": 10.01, "deal_count": 3},
        {"city": "oslo", "avg_price": 25.0, "deal_count": 1},
        {"city": "Rome", "avg_price": 7.77, "deal_count": 1},
    ]


@pytest.mark.parametrize(
    ("sort", "cities"),
    [
        ("-deal_count", ["Toronto", "oslo", "Rome"]),
        ("deal_count", ["oslo", "Rome", "Toronto"]),
        ("avg_price", ["Rome", "Toronto", "oslo"]),
        ("-avg_price", ["oslo", "Toronto", "Rome"]),
        ("city", ["oslo", "Rome", "Toronto"]),
        ("-city", ["Toronto", "Rome", "oslo"]),
    ],
)
async def test_get_deal_stats_is_sorted_with_ties_by_city(client: AsyncClient, sort: str, cities: list[str]) -> None:
    assert [row["city"] for row in await get_stats(client, sort=sort)] == cities


async def test_get_deal_stats_with_unknown_sort_is_rejected_with_the_list(client: AsyncClient) -> None:
    response = await client.get("/deals/stats", params={"sort": "price"})
    detail = response.json()["error"]["details"][0]
    assert (response.status_code, detail["field"]) == (422, "sort")
    assert all(
        f"'{sign}{sort}'" in detail["message"] for sort in ("deal_count", "avg_price", "city") for sign in ("", "-")
    )


async def test_get_deal_stats_with_available_only_false_counts_all_deals(client: AsyncClient) -> None:
    assert {row["city"]: row["deal_count"] for row in await get_stats(client, available_only="false")} == {
        "Rome": 1,
        "Toronto": 4,
        "oslo": 1,
    }


async def test_get_deal_stats_accepts_the_list_filters(client: AsyncClient) -> None:
    assert await get_stats(client, city="TORONTO", min_stars=5) == [
        {"city": "Toronto", "avg_price": 10.0, "deal_count": 1}
    ]
    assert await get_stats(client, city="Nowhere") == []


@pytest.mark.parametrize("parameter", ["skip", "limit", "cursor"])
async def test_get_deal_stats_rejects_paging_parameters(client: AsyncClient, parameter: str) -> None:
    response = await client.get("/deals/stats", params={parameter: "1"})
    assert response.json()["error"]["code"] == "unknown_parameter"
