"""/hotels"""

from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Hotel
from tests.factories import DealFactory, HotelFactory

NEW = {"name": "Crown Tower", "city": "Toronto", "country": "Canada", "phone": "+1-416-555-1333"}


@pytest.fixture
async def hotels(session: AsyncSession) -> list[Hotel]:
    """Four hotels; the last has no deal."""
    made = [
        HotelFactory.build(name=name, city=city)
        for name, city in zip("ABCD", ("Rome", "Rome", "Oslo", "Oslo"), strict=True)
    ]
    make = DealFactory.build
    session.add_all(made)
    session.add_all(
        [
            make(hotel=made[0], price_per_night=Decimal("30.00"), star_rating=5),
            make(hotel=made[0], price_per_night=Decimal("20.00"), star_rating=2),
            make(hotel=made[1], price_per_night=Decimal("25.50"), star_rating=4),
            make(hotel=made[2], price_per_night=Decimal("10.00"), star_rating=1, is_available=False),
        ]
    )
    await session.commit()
    return made


async def page(client: AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/hotels", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_the_list_has_the_hotels_with_a_matching_deal(client: AsyncClient, hotels: list[Hotel]) -> None:
    body = await page(client, min_stars=3)
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
async def test_the_list_in_order(client: AsyncClient, hotels: list[Hotel], query: dict[str, Any], names: str) -> None:
    assert "".join(hotel["name"] for hotel in (await page(client, **query))["items"]) == names


async def test_links_lead_through_the_pages(client: AsyncClient, hotels: list[Hotel]) -> None:
    answer = await client.get("/hotels", params={"limit": 2, "sort": "min_price"})
    assert answer.links["next"]["url"] == "/hotels?limit=2&sort=min_price&skip=2"


async def test_a_created_hotel_can_be_read_changed_and_removed(client: AsyncClient) -> None:
    created = await client.post("/hotels", json=NEW)
    assert created.status_code == 201
    where = created.headers["location"]
    assert (
        (await client.get(where)).json()
        == created.json()
        == NEW | {"id": created.json()["id"], "avg_star_rating": None}
    )
    changed = await client.patch(where, json={"name": " Crown Towers "})
    assert (changed.status_code, changed.json()["name"]) == (200, "Crown Towers")
    assert (await client.delete(where)).status_code == 204
    gone = await client.get(where)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "hotel_not_found")


@pytest.mark.parametrize("same", [{"name": "Other"}, {"phone": "+1-416-555-0000"}])
async def test_a_hotel_exists_once(client: AsyncClient, same: dict[str, str]) -> None:
    await client.post("/hotels", json=NEW)
    answer = await client.post("/hotels", json=NEW | same)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "hotel_exists")
    other = await client.post("/hotels", json=NEW | {"name": "Third", "phone": "+3"})
    clash = {"phone": NEW["phone"]} if "name" in same else {"name": NEW["name"]}
    answer = await client.patch(other.headers["location"], json=clash)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "hotel_exists")


async def test_a_hotel_with_deals_stays(client: AsyncClient, hotels: list[Hotel]) -> None:
    answer = await client.delete(f"/hotels/{hotels[0].id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "hotel_has_deals")
    assert (await client.delete(f"/hotels/{hotels[3].id}")).status_code == 204


async def test_null_is_refused(client: AsyncClient, hotels: list[Hotel]) -> None:
    answer = await client.patch(f"/hotels/{hotels[0].id}", json=dict.fromkeys(NEW))
    assert sorted(problem["field"] for problem in answer.json()["error"]["details"]) == sorted(NEW)
