"""GET, POST, PATCH and DELETE of hotels."""

from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Hotel
from tests.factories import DealFactory, HotelFactory
from tests.support.deal_bodies import PLAIN_HOTEL


@pytest.fixture
async def hotels(session: AsyncSession) -> list[Hotel]:
    """Four hotels; the last one has no deals."""
    hotels: list[Hotel] = [
        HotelFactory.build(name=name, city=city)
        for name, city in zip("ABCD", ("Rome", "Rome", "Oslo", "Oslo"), strict=True)
    ]
    build = DealFactory.build
    session.add_all(hotels)
    session.add_all(
        [
            build(hotel=hotels[0], price_per_night=Decimal("30.00"), star_rating=5),
            build(hotel=hotels[0], price_per_night=Decimal("20.00"), star_rating=2),
            build(hotel=hotels[1], price_per_night=Decimal("25.50"), star_rating=4),
            build(hotel=hotels[2], price_per_night=Decimal("10.00"), star_rating=1, is_available=False),
        ]
    )
    await session.commit()
    return hotels


async def list_hotels(client: AsyncClient, **query: Any) -> dict[str, Any]:
    response = await client.get("/hotels", params=query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_list_hotels_returns_hotels_with_a_matching_deal(client: AsyncClient, hotels: list[Hotel]) -> None:
    body = await list_hotels(client, min_stars=3)
    assert (body["total"], body["skip"], body["limit"]) == (2, 0, 20)
    assert body["items"][0] == {
        "id": hotels[0].id,
        "name": "A",
        "city": "Rome",
        "country": "Canada",
        "phone": hotels[0].phone,
        "avg_star_rating": 3.5,
        "deal_count": 1,
        "min_price": 30.0,
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, "ABC"),
        ({"sort": "-name"}, "CBA"),
        ({"sort": "min_price"}, "CAB"),
        ({"sort": "-min_price"}, "BAC"),
        ({"sort": "-deal_count"}, "ACB"),
        ({"sort": "deal_count"}, "BCA"),
        ({"sort": "avg_star_rating"}, "CAB"),
        ({"sort": "-avg_star_rating"}, "BAC"),
        ({"city": "rome"}, "AB"),
        ({"available_only": "true", "sort": "min_price"}, "AB"),
        ({"price_max": 10}, "C"),
        ({"skip": 1, "limit": 1}, "B"),
        ({"skip": 9}, ""),
    ],
)
async def test_list_hotels_filters_sorts_and_pages(
    client: AsyncClient, hotels: list[Hotel], query: dict[str, Any], names: str
) -> None:
    assert "".join(hotel["name"] for hotel in (await list_hotels(client, **query))["items"]) == names


async def test_list_hotels_links_to_the_next_page(client: AsyncClient, hotels: list[Hotel]) -> None:
    response = await client.get("/hotels", params={"limit": 2, "sort": "min_price"})
    assert response.links["next"]["url"] == "/hotels?limit=2&sort=min_price&skip=2"


async def test_post_hotel_then_get_patch_and_delete_it(client: AsyncClient) -> None:
    created = await client.post("/hotels", json=PLAIN_HOTEL)
    assert created.status_code == 201
    location = created.headers["location"]
    assert (
        (await client.get(location)).json()
        == created.json()
        == PLAIN_HOTEL | {"id": created.json()["id"], "avg_star_rating": None}
    )
    changed = await client.patch(location, json={"name": " Crown Towers "})
    assert (changed.status_code, changed.json()["name"]) == (200, "Crown Towers")
    assert (await client.delete(location)).status_code == 204
    missing = await client.get(location)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "hotel_not_found")


@pytest.mark.parametrize("change", [{"name": "Other"}, {"phone": "+1-416-555-0000"}])
async def test_post_and_patch_hotel_with_a_taken_name_or_phone_return_409(
    client: AsyncClient, change: dict[str, str]
) -> None:
    await client.post("/hotels", json=PLAIN_HOTEL)
    response = await client.post("/hotels", json=PLAIN_HOTEL | change)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "hotel_exists")
    other = await client.post("/hotels", json=PLAIN_HOTEL | {"name": "Third", "phone": "+3"})
    duplicate = {"phone": PLAIN_HOTEL["phone"]} if "name" in change else {"name": PLAIN_HOTEL["name"]}
    response = await client.patch(other.headers["location"], json=duplicate)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "hotel_exists")


async def test_delete_hotel_with_deals_returns_409(client: AsyncClient, hotels: list[Hotel]) -> None:
    response = await client.delete(f"/hotels/{hotels[0].id}")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "hotel_has_deals")
    assert (await client.delete(f"/hotels/{hotels[3].id}")).status_code == 204


async def test_patch_hotel_with_null_is_rejected(client: AsyncClient, hotels: list[Hotel]) -> None:
    response = await client.patch(f"/hotels/{hotels[0].id}", json=dict.fromkeys(PLAIN_HOTEL))
    assert sorted(detail["field"] for detail in response.json()["error"]["details"]) == sorted(PLAIN_HOTEL)
