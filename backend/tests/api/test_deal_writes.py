"""POST /deals, PATCH and DELETE /deals/{id}."""

import asyncio
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import ConnectedDatabase
from app.models import Deal, Hotel
from app.schemas.deals import DealCreate
from tests.factories import DealFactory, HotelFactory
from tests.support.raw_http import JSON

_FAIL_AT_COMMIT = (
    "CREATE FUNCTION fail() RETURNS trigger AS 'BEGIN RAISE EXCEPTION $$no$$; END' LANGUAGE plpgsql",
    (
        "CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT OR UPDATE OR DELETE ON deals"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()"
    ),
)


@pytest.fixture
async def hotel(session: AsyncSession) -> Hotel:
    hotel: Hotel = HotelFactory.build()
    session.add(hotel)
    await session.commit()
    return hotel


@pytest.fixture
async def deal(session: AsyncSession, hotel: Hotel) -> Deal:
    deal: Deal = DealFactory.build(hotel=hotel, external_id=1)
    session.add(deal)
    await session.commit()
    return deal


def build_deal(hotel: Hotel, **changes: Any) -> dict[str, Any]:
    return {
        "hotel_id": hotel.id,
        "room_type": "Suite",
        "star_rating": 5,
        "price_per_night": 129.99,
        "original_price": 185.7,
        "discount_percent": 30,
        "checkin_date": "2026-03-01",
        "checkout_date": "2026-03-04",
    } | changes


def get_code(response: Response) -> str:
    return str(response.json()["error"]["code"])


def get_fields(response: Response) -> list[str]:
    return [detail["field"] for detail in response.json()["error"]["details"]]


async def test_post_deal_returns_201_and_its_location(client: AsyncClient, hotel: Hotel) -> None:
    response = await client.post("/deals", json=build_deal(hotel, external_id=77, categories=["luxury", "beach"]))
    assert response.status_code == 201
    assert (await client.get(response.headers["location"])).json() == response.json()
    created = response.json()
    assert (created["price_per_night"], created["original_price"], created["is_available"]) == (129.99, 185.7, True)
    assert sorted(created["categories"]) == ["beach", "luxury"]
    assert created["hotel"]["avg_star_rating"] == 5.0


async def test_integers_are_accepted_in_any_notation_and_stay_exact(client: AsyncClient, hotel: Hotel) -> None:
    numbers = {
        "hotel_id": (f"{hotel.id}.0", hotel.id),
        "external_id": ("9007199254740993.0", 2**53 + 1),
        "star_rating": ("0.5e1", 5),
        "discount_percent": ("20e0", 20),
    }
    body = json.dumps(build_deal(hotel) | {name: name.upper() for name in numbers})
    for name, (number, _) in numbers.items():
        body = body.replace(f'"{name.upper()}"', number)
    created = (await client.post("/deals", content=body, headers=JSON)).json()
    assert {"hotel_id": created["hotel"]["id"]} | {name: created[name] for name in list(numbers)[1:]} == {
        name: value for name, (_, value) in numbers.items()
    }
    patch = b'{"version": 1.0, "external_id": 9223372036854775807.000, "star_rating": 40E-1}'
    patched = (await client.patch(f"/deals/{created['id']}", content=patch, headers=JSON)).json()
    assert (patched["version"], patched["external_id"], patched["star_rating"]) == (2, 2**63 - 1, 4)


async def test_post_deal_treats_null_as_absent_in_every_optional_field(client: AsyncClient, hotel: Hotel) -> None:
    nulls = {"external_id": None, "is_available": None, "categories": None}
    responses = [await client.post("/deals", json=build_deal(hotel, **optional)) for optional in ({}, nulls)]
    bodies = [response.json() for response in responses]
    assert bodies[1] == bodies[0] | {name: bodies[1][name] for name in ("id", "created_at", "updated_at")}
    assert set(nulls) == {name for name, field in DealCreate.model_fields.items() if not field.is_required()}


async def test_post_deal_for_an_unknown_hotel_returns_404(client: AsyncClient, hotel: Hotel) -> None:
    response = await client.post("/deals", json=build_deal(hotel, hotel_id=hotel.id + 1))
    assert (response.status_code, get_code(response)) == (404, "hotel_not_found")


async def test_post_deal_with_a_taken_external_id_returns_409(client: AsyncClient, hotel: Hotel, deal: Deal) -> None:
    response = await client.post("/deals", json=build_deal(hotel, external_id=deal.external_id))
    assert (response.status_code, get_code(response)) == (409, "external_id_taken")


async def test_post_deal_reports_all_invalid_fields_at_once(client: AsyncClient, hotel: Hotel) -> None:
    body = build_deal(hotel, star_rating=6, price_per_night=0, checkout_date="2026-03-01", colour="red")
    response = await client.post("/deals", json=body)
    assert (response.status_code, get_code(response)) == (422, "validation_error")
    assert sorted(get_fields(response)) == ["checkout_date", "colour", "price_per_night", "star_rating"]


async def test_patch_deal_reports_all_invalid_fields_at_once(client: AsyncClient, deal: Deal) -> None:
    body = {"checkin_date": "2026-03-04", "checkout_date": "2026-03-01", "star_rating": 6}
    response = await client.patch(f"/deals/{deal.id}", json=body)
    assert (response.status_code, sorted(get_fields(response))) == (422, ["checkout_date", "star_rating"])


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("room_type", " Suite ", "Suite"),
        ("room_type", "Cafe\u0301", "Caf\u00e9"),
        ("star_rating", 1, 1),
        ("price_per_night", 99_999_999.99, Decimal("99999999.99")),
        ("original_price", 1, Decimal("1.00")),
        ("discount_percent", 0, 0),
        ("checkin_date", "2026-03-02", date(2026, 3, 2)),
        ("is_available", False, False),
        ("external_id", None, None),
        ("external_id", 2**63 - 1, 2**63 - 1),
    ],
)
async def test_patch_deal_changes_only_the_sent_field(
    client: AsyncClient, session: AsyncSession, deal: Deal, field: str, value: object, stored: object
) -> None:
    before = (await client.get(f"/deals/{deal.id}")).json()
    response = await client.patch(f"/deals/{deal.id}", json={field: value})
    assert response.status_code == 200
    await session.refresh(deal)
    assert getattr(deal, field) == stored
    others = set(before) - {field, "hotel", "version", "updated_at"}
    assert {name: response.json()[name] for name in others} == {name: before[name] for name in others}


async def test_patch_deal_moves_it_to_another_hotel(client: AsyncClient, session: AsyncSession, deal: Deal) -> None:
    other = HotelFactory.build(name="Other")
    session.add(other)
    await session.commit()
    response = await client.patch(f"/deals/{deal.id}", json={"hotel_id": other.id})
    assert response.json()["hotel"]["name"] == "Other"
    response = await client.patch(f"/deals/{deal.id}", json={"hotel_id": other.id + 100})
    assert (response.status_code, get_code(response)) == (404, "hotel_not_found")


async def test_patch_deal_replaces_its_categories(client: AsyncClient, deal: Deal) -> None:
    for names in (["romantic", "beach"], ["business"], []):
        response = await client.patch(f"/deals/{deal.id}", json={"categories": names})
        assert response.json()["categories"] == sorted(names)


@pytest.mark.parametrize("field", ["hotel_id", "room_type", "star_rating", "price_per_night", "categories"])
async def test_patch_deal_with_null_in_a_required_field_is_rejected(
    client: AsyncClient, deal: Deal, field: str
) -> None:
    response = await client.patch(f"/deals/{deal.id}", json={field: None})
    assert (response.status_code, get_fields(response)) == (422, [field])


async def test_patch_deal_checks_stay_dates_of_the_result(client: AsyncClient, deal: Deal) -> None:
    response = await client.patch(f"/deals/{deal.id}", json={"checkin_date": "2026-03-04"})
    assert (response.status_code, get_fields(response)) == (422, ["checkout_date"])
    response = await client.patch(
        f"/deals/{deal.id}", json={"checkin_date": "2026-03-04", "checkout_date": "2026-03-05"}
    )
    assert response.status_code == 200


async def test_patch_deal_with_a_taken_external_id_returns_409(
    client: AsyncClient, session: AsyncSession, deal: Deal
) -> None:
    session.add(DealFactory.build(external_id=2, hotel=deal.hotel))
    await session.commit()
    response = await client.patch(f"/deals/{deal.id}", json={"external_id": 2})
    assert (response.status_code, get_code(response)) == (409, "external_id_taken")


async def test_delete_deal_returns_204_and_then_404(client: AsyncClient, deal: Deal) -> None:
    response = await client.delete(f"/deals/{deal.id}")
    assert (response.status_code, response.content) == (204, b"")
    for method in ("GET", "DELETE", "PATCH"):
        response = await client.request(method, f"/deals/{deal.id}", json={} if method == "PATCH" else None)
        assert (response.status_code, get_code(response)) == (404, "deal_not_found")


async def test_post_deal_returns_500_when_the_commit_fails(
    own_client: AsyncClient, own_database: ConnectedDatabase
) -> None:
    """A deferred constraint fails at the commit, when the response is ready but not sent."""
    async with own_database.sessions.begin() as session:
        hotel = HotelFactory.build()
        session.add(hotel)
        for statement in _FAIL_AT_COMMIT:
            await session.execute(text(statement))
    response = await own_client.post("/deals", json=build_deal(hotel))
    assert (response.status_code, get_code(response)) == (500, "internal_error")
    assert (await own_client.get("/deals")).json()["total"] == 0


async def test_patch_deal_increments_the_version(client: AsyncClient, deal: Deal) -> None:
    for version, change in enumerate([{"star_rating": 3}, {"star_rating": 3}, {"categories": ["beach"]}], start=2):
        response = await client.patch(f"/deals/{deal.id}", json=change)
        assert response.json()["version"] == version
    assert (await client.patch(f"/deals/{deal.id}", json={})).json()["version"] == 4
    assert response.json()["updated_at"] > response.json()["created_at"] or deal.updated_at == deal.created_at


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_patch_and_delete_deal_with_stale_version_return_409(
    client: AsyncClient, deal: Deal, method: str
) -> None:
    async def send(version: int) -> Response:
        if method == "DELETE":
            return await client.delete(f"/deals/{deal.id}", params={"version": version})
        return await client.patch(f"/deals/{deal.id}", json={"star_rating": 2, "version": version})

    response = await send(2)
    assert (response.status_code, get_code(response)) == (409, "version_conflict")
    assert response.json()["error"]["details"] == [{"field": "version", "message": "current version is 1"}]
    assert (await client.get(f"/deals/{deal.id}")).json()["star_rating"] == 4
    assert (await send(1)).is_success


async def test_concurrent_patch_deals_lose_no_update(own_client: AsyncClient, own_database: ConnectedDatabase) -> None:
    async with own_database.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    path = f"/deals/{deal.id}"
    responses = await asyncio.gather(*(own_client.patch(path, json={"star_rating": n % 5 + 1}) for n in range(20)))
    updated = [response for response in responses if response.status_code == 200]
    assert {response.status_code for response in responses} <= {200, 409}
    assert updated
    assert {get_code(response) for response in responses if response.status_code == 409} <= {"version_conflict"}
    assert sorted(response.json()["version"] for response in updated) == list(range(2, len(updated) + 2))
    assert (await own_client.get(path)).json()["version"] == len(updated) + 1
