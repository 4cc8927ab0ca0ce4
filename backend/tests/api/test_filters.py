"""Filters of GET /deals."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import CategoryFactory, DealFactory, HotelFactory


@pytest.fixture(autouse=True)
async def deals(session: AsyncSession) -> None:
    toronto = HotelFactory.build(city="Toronto", country="Canada")
    rome = HotelFactory.build(city="Rome", country="Italy")
    istanbul = HotelFactory.build(city="\u0130stanbul", country="T\u00fcrkiye")
    odd = HotelFactory.build(city="100%_Town", country="Nowhere")
    luxury, beach = CategoryFactory.build(name="luxury"), CategoryFactory.build(name="Beach")
    build = DealFactory.build
    session.add_all(
        [
            build(
                external_id=1,
                hotel=toronto,
                categories=[luxury, beach],
                star_rating=3,
                price_per_night=Decimal("50.00"),
            ),
            build(external_id=2, hotel=toronto, star_rating=5, price_per_night=Decimal("150.00"), is_available=False),
            build(
                external_id=3,
                hotel=rome,
                categories=[beach],
                star_rating=4,
                price_per_night=Decimal("99.99"),
                discount_percent=50,
            ),
            build(external_id=4, hotel=istanbul, room_type="Su\u0131te", checkin_date=date(2026, 4, 1)),
            build(external_id=5, hotel=odd, room_type="Single", checkin_date=date(2026, 5, 1), discount_percent=100),
        ]
    )
    await session.commit()


async def list_external_ids(client: AsyncClient, **filters: Any) -> list[int]:
    response = await client.get("/deals", params=filters)
    assert response.status_code == 200, response.text
    page = response.json()
    assert page["total"] == len(page["items"])
    return [deal["external_id"] for deal in page["items"]]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"city": "toronto"}, [1, 2]),
        ({"city": " TORONTO "}, [1, 2]),
        ({"city": ["Toronto", "rome"]}, [1, 2, 3]),
        ({"city": "Toront"}, []),
        ({"city": "%"}, []),
        ({"city": "_ome"}, []),
        ({"city": "100%_town"}, [5]),
        ({"city": "\u0130stanbul"}, [4]),
        ({"country": "ITALY"}, [3]),
        ({"min_stars": 4}, [2, 3, 4, 5]),
        ({"price_min": "99.99"}, [2, 3, 4, 5]),
        ({"price_max": "99.99"}, [1, 3]),
        ({"price_min": 50, "price_max": 50}, [1]),
        ({"available_only": "true"}, [1, 3, 4, 5]),
        ({"available_only": "false"}, [1, 2, 3, 4, 5]),
        ({"category": "LUXURY"}, [1]),
        ({"category": "beach"}, [1, 3]),
        ({"category": ["luxury", "beach"]}, [1, 3]),
        ({"category": ["luxury", "unknown"]}, [1]),
        ({"category": "unknown"}, []),
        ({"room_type": "single"}, [5]),
        ({"min_discount": 50}, [3, 5]),
        ({"min_discount": 0}, [1, 2, 3, 4, 5]),
        ({"checkin_from": "2026-04-01"}, [4, 5]),
        ({"checkin_to": "2026-04-01"}, [1, 2, 3, 4]),
        ({"checkin_from": "2026-04-01", "checkin_to": "2026-04-01"}, [4]),
        ({"city": "toronto", "min_stars": 4, "available_only": "true"}, []),
    ],
)
async def test_list_deals_returns_matching_deals(
    client: AsyncClient, filters: dict[str, Any], expected: list[int]
) -> None:
    assert await list_external_ids(client, **filters) == expected


async def test_list_deals_of_a_hotel(client: AsyncClient) -> None:
    deal = (await client.get("/deals", params={"city": "Rome"})).json()["items"][0]
    assert await list_external_ids(client, hotel_id=deal["hotel"]["id"]) == [3]


@pytest.mark.parametrize(
    ("filters", "fields"),
    [
        ({"price_min": 2, "price_max": 1}, ["price_max"]),
        ({"checkin_from": "2026-01-02", "checkin_to": "2026-01-01"}, ["checkin_to"]),
        ({"min_stars": 6, "min_discount": 101, "limit": 0}, ["limit", "min_discount", "min_stars"]),
        ({"min_stars": [1, 2]}, ["min_stars"]),
        ({"min_star": 4, "limit": 101}, ["limit", "min_star"]),
    ],
)
async def test_list_deals_with_an_invalid_filter_is_rejected_and_named(
    client: AsyncClient, filters: dict[str, Any], fields: list[str]
) -> None:
    response = await client.get("/deals", params=filters)
    assert response.status_code == 422
    assert sorted(detail["field"] for detail in response.json()["error"]["details"]) == fields


async def test_list_deals_with_an_unknown_parameter_suggests_the_nearest(client: AsyncClient) -> None:
    error = (await client.get("/deals", params={"min_star": 4})).json()["error"]
    assert error["code"] == "unknown_parameter"
    assert error["details"] == [{"field": "min_star", "message": "unknown parameter; did you mean min_stars?"}]
