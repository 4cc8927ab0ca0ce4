"""POST, PATCH and DELETE of deals."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Deal, Hotel
from tests.factories import DealFactory, HotelFactory
from tests.support.databases import OpenDatabase

_REFUSE_AT_COMMIT = (
    "CREATE FUNCTION refuse() RETURNS trigger AS 'BEGIN RAISE EXCEPTION $$no$$; END' LANGUAGE plpgsql",
    (
        "CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT OR UPDATE OR DELETE ON deals"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
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


def new_deal(hotel: Hotel, **changes: Any) -> dict[str, Any]:
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


def code(answer: Response) -> str:
    return str(answer.json()["error"]["code"])


def fields(answer: Response) -> list[str]:
    return [problem["field"] for problem in answer.json()["error"]["details"]]


async def test_a_created_deal_can_be_read_where_location_says(client: AsyncClient, hotel: Hotel) -> None:
    answer = await client.post("/deals", json=new_deal(hotel, external_id=77, categories=["luxury", "beach"]))
    assert answer.status_code == 201
    assert (await client.get(answer.headers["location"])).json() == answer.json()
    created = answer.json()
    assert (created["price_per_night"], created["original_price"], created["is_available"]) == (129.99, 185.7, True)
    assert sorted(created["categories"]) == ["beach", "luxury"]
    assert created["hotel"]["avg_star_rating"] == 5.0


async def test_a_deal_of_an_unknown_hotel_is_a_404(client: AsyncClient, hotel: Hotel) -> None:
    answer = await client.post("/deals", json=new_deal(hotel, hotel_id=hotel.id + 1))
    assert (answer.status_code, code(answer)) == (404, "hotel_not_found")


async def test_an_external_id_is_taken_once(client: AsyncClient, hotel: Hotel, deal: Deal) -> None:
    answer = await client.post("/deals", json=new_deal(hotel, external_id=deal.external_id))
    assert (answer.status_code, code(answer)) == (409, "external_id_taken")


async def test_all_problems_of_a_body_are_told_at_once(client: AsyncClient, hotel: Hotel) -> None:
    bad = new_deal(hotel, star_rating=6, price_per_night=0, checkout_date="2026-03-01", colour="red")
    answer = await client.post("/deals", json=bad)
    assert (answer.status_code, code(answer)) == (422, "validation_error")
    assert sorted(fields(answer)) == ["checkout_date", "colour", "price_per_night", "star_rating"]


async def test_all_problems_of_a_patch_are_told_at_once(client: AsyncClient, deal: Deal) -> None:
    bad = {"checkin_date": "2026-03-04", "checkout_date": "2026-03-01", "star_rating": 6}
    answer = await client.patch(f"/deals/{deal.id}", json=bad)
    assert (answer.status_code, sorted(fields(answer))) == (422, ["checkout_date", "star_rating"])


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
async def test_a_patch_changes_what_it_names(
    client: AsyncClient, session: AsyncSession, deal: Deal, field: str, value: object, stored: object
) -> None:
    before = (await client.get(f"/deals/{deal.id}")).json()
    answer = await client.patch(f"/deals/{deal.id}", json={field: value})
    assert answer.status_code == 200
    await session.refresh(deal)
    assert getattr(deal, field) == stored
    others = set(before) - {field, "hotel", "version", "updated_at"}
    assert {name: answer.json()[name] for name in others} == {name: before[name] for name in others}


async def test_a_patch_moves_a_deal_to_another_hotel(client: AsyncClient, session: AsyncSession, deal: Deal) -> None:
    other = HotelFactory.build(name="Other")
    session.add(other)
    await session.commit()
    answer = await client.patch(f"/deals/{deal.id}", json={"hotel_id": other.id})
    assert answer.json()["hotel"]["name"] == "Other"
    answer = await client.patch(f"/deals/{deal.id}", json={"hotel_id": other.id + 100})
    assert (answer.status_code, code(answer)) == (404, "hotel_not_found")


async def test_a_patch_replaces_the_categories(client: AsyncClient, deal: Deal) -> None:
    for names in (["romantic", "beach"], ["business"], []):
        answer = await client.patch(f"/deals/{deal.id}", json={"categories": names})
        assert answer.json()["categories"] == sorted(names)


@pytest.mark.parametrize("field", ["hotel_id", "room_type", "star_rating", "price_per_night", "categories"])
async def test_null_is_refused_where_it_means_nothing(client: AsyncClient, deal: Deal, field: str) -> None:
    answer = await client.patch(f"/deals/{deal.id}", json={field: None})
    assert (answer.status_code, fields(answer)) == (422, [field])


async def test_a_rule_over_two_fields_holds_for_the_result(client: AsyncClient, deal: Deal) -> None:
    answer = await client.patch(f"/deals/{deal.id}", json={"checkin_date": "2026-03-04"})
    assert (answer.status_code, fields(answer)) == (422, ["checkout_date"])
    answer = await client.patch(f"/deals/{deal.id}", json={"checkin_date": "2026-03-04", "checkout_date": "2026-03-05"})
    assert answer.status_code == 200


async def test_a_patch_cannot_take_another_deals_external_id(
    client: AsyncClient, session: AsyncSession, deal: Deal
) -> None:
    session.add(DealFactory.build(external_id=2, hotel=deal.hotel))
    await session.commit()
    answer = await client.patch(f"/deals/{deal.id}", json={"external_id": 2})
    assert (answer.status_code, code(answer)) == (409, "external_id_taken")


async def test_a_removed_deal_is_gone(client: AsyncClient, deal: Deal) -> None:
    answer = await client.delete(f"/deals/{deal.id}")
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE", "PATCH"):
        answer = await client.request(method, f"/deals/{deal.id}", json={} if method == "PATCH" else None)
        assert (answer.status_code, code(answer)) == (404, "deal_not_found")


async def test_a_commit_that_fails_is_never_a_2xx(own_client: AsyncClient, own_database: OpenDatabase) -> None:
    """A deferred constraint speaks up at the commit, when the answer is ready but has not left."""
    async with own_database.sessions.begin() as session:
        hotel = HotelFactory.build()
        session.add(hotel)
        for statement in _REFUSE_AT_COMMIT:
            await session.execute(text(statement))
    answer = await own_client.post("/deals", json=new_deal(hotel))
    assert (answer.status_code, code(answer)) == (500, "internal_error")
    assert (await own_client.get("/deals")).json()["total"] == 0


async def test_every_update_adds_one_to_the_version(client: AsyncClient, deal: Deal) -> None:
    for version, change in enumerate([{"star_rating": 3}, {"star_rating": 3}, {"categories": ["beach"]}], start=2):
        answer = await client.patch(f"/deals/{deal.id}", json=change)
        assert answer.json()["version"] == version
    assert (await client.patch(f"/deals/{deal.id}", json={})).json()["version"] == 4
    assert answer.json()["updated_at"] > answer.json()["created_at"] or deal.updated_at == deal.created_at


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_another_version_is_a_conflict_that_tells_the_current_one(
    client: AsyncClient, deal: Deal, method: str
) -> None:
    async def send(version: int) -> Response:
        if method == "DELETE":
            return await client.delete(f"/deals/{deal.id}", params={"version": version})
        return await client.patch(f"/deals/{deal.id}", json={"star_rating": 2, "version": version})

    answer = await send(2)
    assert (answer.status_code, code(answer)) == (409, "version_conflict")
    assert answer.json()["error"]["details"] == [{"field": "version", "message": "is 1 now"}]
    assert (await client.get(f"/deals/{deal.id}")).json()["star_rating"] == 4
    assert (await send(1)).is_success


async def test_no_update_is_lost_when_many_write_at_once(own_client: AsyncClient, own_database: OpenDatabase) -> None:
    async with own_database.sessions.begin() as session:
        deal = DealFactory.build()
        session.add(deal)
    path = f"/deals/{deal.id}"
    answers = await asyncio.gather(*(own_client.patch(path, json={"star_rating": n % 5 + 1}) for n in range(20)))
    done = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert done
    assert {code(answer) for answer in answers if answer.status_code == 409} <= {"version_conflict"}
    assert sorted(answer.json()["version"] for answer in done) == list(range(2, len(done) + 2))
    assert (await own_client.get(path)).json()["version"] == len(done) + 1
