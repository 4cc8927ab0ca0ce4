"""What many do at once ends as if they had done it one after the other, and nobody sees a crash."""

from collections.abc import Sequence
from itertools import permutations
from typing import Final

import pytest
from httpx import Response
from sqlalchemy import text

from tests.support.concurrency import queued
from tests.support.deal_bodies import PLAIN_DEAL, Body
from tests.support.service import Service

_DEAL_LOCKED: Final = "SELECT FROM deals WHERE id = :id FOR UPDATE"
_HOTEL_LOCKED: Final = "SELECT FROM hotels WHERE id = :id FOR UPDATE"
_EXTERNAL_ID_LOCKED: Final = "UPDATE deals SET external_id = 77"
_HOTEL: Final[Body] = {"name": "Crown Tower", "city": "Toronto", "country": "Canada", "phone": "+1-416-555-1333"}


@pytest.fixture(autouse=True)
async def hotel(service: Service) -> int:
    """The id of the only hotel."""
    await service.empty()
    return int((await service.create("/hotels", _HOTEL))["id"])


@pytest.fixture
async def deal(service: Service, hotel: int) -> int:
    """The id of the only deal."""
    deal = await service.create("/deals", {**PLAIN_DEAL, "hotel_id": hotel, "categories": ["beach", "luxury"]})
    return int(deal["id"])


def _outcomes(answers: Sequence[Response]) -> list[int | str]:
    """The status of each success, the code of each error."""
    return [answer.status_code if answer.is_success else answer.json()["error"]["code"] for answer in answers]


async def test_of_many_patches_of_one_version_one_is_done(service: Service, deal: int) -> None:
    patches = [service.send("PATCH", f"/deals/{deal}", {"star_rating": 1 + n % 5, "version": 1}) for n in range(8)]
    answers = await queued(service, *patches, behind=_DEAL_LOCKED, id=deal)
    assert sorted(_outcomes(answers), key=str) == [200, *["version_conflict"] * 7]
    (done,) = [answer.json() for answer in answers if answer.is_success]
    assert done["version"] == 2
    assert (await service.client.get(f"/deals/{deal}")).json() == done


@pytest.mark.parametrize("patch", [{"star_rating": 1}, {"categories": ["beach", "new"]}, {"categories": []}])
async def test_a_deal_patched_first_is_not_removed(service: Service, deal: int, patch: Body) -> None:
    path = f"/deals/{deal}"
    requests = service.send("PATCH", path, patch), service.client.delete(path)
    answers = await queued(service, *requests, behind=_DEAL_LOCKED, id=deal)
    assert _outcomes(answers) == [200, "version_conflict"]
    assert (await service.client.get(path)).json() == answers[0].json()


@pytest.mark.parametrize("patch", [{"star_rating": 1}, {"categories": ["beach", "new"]}, {"categories": []}])
async def test_a_deal_removed_first_is_not_patched(service: Service, deal: int, patch: Body) -> None:
    path = f"/deals/{deal}"
    requests = service.client.delete(path), service.send("PATCH", path, patch)
    assert _outcomes(await queued(service, *requests, behind=_DEAL_LOCKED, id=deal)) == [204, "deal_not_found"]
    assert {each["name"]: each["deal_count"] for each in await service.get("/categories")} == {"beach": 0, "luxury": 0}


async def test_a_deal_is_removed_once(service: Service, deal: int) -> None:
    removals = [service.client.delete(f"/deals/{deal}") for _ in range(4)]
    answers = await queued(service, *removals, behind=_DEAL_LOCKED, id=deal)
    assert _outcomes(answers) == [204, *["deal_not_found"] * 3]


async def test_of_many_deals_with_one_external_id_one_is_created(service: Service, hotel: int, deal: int) -> None:
    new = {**PLAIN_DEAL, "hotel_id": hotel, "external_id": 77}
    answers = await queued(
        service, *(service.send("POST", "/deals", new) for _ in range(8)), behind=_EXTERNAL_ID_LOCKED
    )
    assert sorted(_outcomes(answers), key=str) == [201, *["external_id_taken"] * 7]
    assert (await service.get("/deals"))["total"] == 2


async def test_of_many_hotels_with_one_phone_one_is_created(service: Service, hotel: int) -> None:
    requests = [service.send("POST", "/hotels", {**_HOTEL, "name": f"{n}", "phone": "1"}) for n in range(8)]
    answers = await queued(service, *requests, behind="UPDATE hotels SET phone = '1'")
    assert sorted(_outcomes(answers), key=str) == [201, *["hotel_exists"] * 7]


async def test_new_categories_in_any_order_are_added_once(service: Service, hotel: int) -> None:
    names = ["a", "b", "c"]
    deals = [{**PLAIN_DEAL, "hotel_id": hotel, "categories": list(order)} for order in permutations(names)]
    requests = [service.send("POST", "/deals", deal) for deal in deals]
    answers = await queued(service, *requests, behind="INSERT INTO categories (name) VALUES ('A')")
    assert [(answer.status_code, answer.json()["categories"]) for answer in answers] == [(201, names)] * len(deals)
    assert await service.get("/categories") == [{"name": name, "deal_count": len(deals)} for name in names]


async def test_a_hotel_that_gets_a_deal_first_is_not_removed(service: Service, hotel: int) -> None:
    requests = (
        service.send("POST", "/deals", {**PLAIN_DEAL, "hotel_id": hotel}),
        service.client.delete(f"/hotels/{hotel}"),
    )
    answers = await queued(service, *requests, behind=_HOTEL_LOCKED, id=hotel)
    assert _outcomes(answers) == [201, "hotel_has_deals"]
    assert (await service.get("/deals"))["items"][0]["hotel"]["id"] == hotel


async def test_a_hotel_removed_first_gets_no_deal(service: Service, hotel: int) -> None:
    requests = (
        service.client.delete(f"/hotels/{hotel}"),
        service.send("POST", "/deals", {**PLAIN_DEAL, "hotel_id": hotel}),
    )
    answers = await queued(service, *requests, behind=_HOTEL_LOCKED, id=hotel)
    assert _outcomes(answers) == [204, "hotel_not_found"]
    assert (await service.get("/deals"))["total"] == 0


async def test_a_deal_does_not_move_to_a_hotel_removed_first(service: Service, deal: int) -> None:
    other = (await service.create("/hotels", {**_HOTEL, "name": "Other", "phone": "2"}))["id"]
    requests = service.client.delete(f"/hotels/{other}"), service.send("PATCH", f"/deals/{deal}", {"hotel_id": other})
    answers = await queued(service, *requests, behind=_HOTEL_LOCKED, id=other)
    assert _outcomes(answers) == [204, "hotel_not_found"]
    assert (await service.get(f"/deals/{deal}"))["version"] == 1


async def test_a_hotel_is_removed_once_and_then_not_patched(service: Service, hotel: int) -> None:
    path = f"/hotels/{hotel}"
    requests = service.client.delete(path), service.client.delete(path), service.send("PATCH", path, {"city": "Rome"})
    answers = await queued(service, *requests, behind=_HOTEL_LOCKED, id=hotel)
    assert _outcomes(answers) == [204, "hotel_not_found", "hotel_not_found"]


async def test_patches_of_different_fields_of_a_hotel_are_all_kept(service: Service, hotel: int) -> None:
    path = f"/hotels/{hotel}"
    patches = [{"name": "Other"}, {"city": "Rome"}, {"country": "Italy"}, {"phone": "2"}]
    answers = await queued(
        service, *(service.send("PATCH", path, patch) for patch in patches), behind=_HOTEL_LOCKED, id=hotel
    )
    assert _outcomes(answers) == [200, 200, 200, 200]
    kept = {"name": "Other", "city": "Rome", "country": "Italy", "phone": "2"}
    assert (await service.get(path)).items() >= kept.items()


async def test_an_empty_patch_of_a_hotel_waits_for_nobody(service: Service, hotel: int) -> None:
    async with service.database.engine.begin() as holder:
        await holder.execute(text(_HOTEL_LOCKED), {"id": hotel})
        answer = await service.send("PATCH", f"/hotels/{hotel}", {})
    assert answer.status_code == 200
