"""Concurrent writes have the outcome of sequential ones, without server errors."""

from collections.abc import Sequence
from itertools import permutations
from typing import Final

import pytest
from httpx import Response
from sqlalchemy import text

from tests.support.concurrency import run_queued
from tests.support.deal_bodies import PLAIN_DEAL, PLAIN_HOTEL, Body
from tests.support.service import Service

_LOCK_DEAL: Final = "SELECT FROM deals WHERE id = :id FOR UPDATE"
_LOCK_HOTEL: Final = "SELECT FROM hotels WHERE id = :id FOR UPDATE"
_LOCK_EXTERNAL_ID: Final = "UPDATE deals SET external_id = 77"


@pytest.fixture(autouse=True)
async def hotel(service: Service) -> int:
    """The id of the only hotel."""
    await service.empty()
    return int((await service.create("/hotels", PLAIN_HOTEL))["id"])


@pytest.fixture
async def deal(service: Service, hotel: int) -> int:
    """The id of the only deal."""
    deal = await service.create("/deals", {**PLAIN_DEAL, "hotel_id": hotel, "categories": ["beach", "luxury"]})
    return int(deal["id"])


def _get_outcomes(responses: Sequence[Response]) -> list[int | str]:
    """Get the status of each success and the code of each error."""
    return [response.status_code if response.is_success else response.json()["error"]["code"] for response in responses]


async def test_concurrent_patches_of_one_version_only_one_wins(service: Service, deal: int) -> None:
    requests = [service.send("PATCH", f"/deals/{deal}", {"star_rating": 1 + n % 5, "version": 1}) for n in range(8)]
    responses = await run_queued(service, *requests, lock=_LOCK_DEAL, id=deal)
    assert sorted(_get_outcomes(responses), key=str) == [200, *["version_conflict"] * 7]
    (updated,) = [response.json() for response in responses if response.is_success]
    assert updated["version"] == 2
    assert (await service.client.get(f"/deals/{deal}")).json() == updated


@pytest.mark.parametrize("patch", [{"star_rating": 1}, {"categories": ["beach", "new"]}, {"categories": []}])
async def test_delete_deal_after_concurrent_patch_is_a_conflict(service: Service, deal: int, patch: Body) -> None:
    path = f"/deals/{deal}"
    requests = service.send("PATCH", path, patch), service.client.delete(path)
    responses = await run_queued(service, *requests, lock=_LOCK_DEAL, id=deal)
    assert _get_outcomes(responses) == [200, "version_conflict"]
    assert (await service.client.get(path)).json() == responses[0].json()


@pytest.mark.parametrize("patch", [{"star_rating": 1}, {"categories": ["beach", "new"]}, {"categories": []}])
async def test_patch_deal_after_concurrent_delete_returns_404(service: Service, deal: int, patch: Body) -> None:
    path = f"/deals/{deal}"
    requests = service.client.delete(path), service.send("PATCH", path, patch)
    assert _get_outcomes(await run_queued(service, *requests, lock=_LOCK_DEAL, id=deal)) == [204, "deal_not_found"]
    assert {category["name"]: category["deal_count"] for category in await service.get("/categories")} == {
        "beach": 0,
        "luxury": 0,
    }


async def test_concurrent_deletes_of_a_deal_only_one_wins(service: Service, deal: int) -> None:
    requests = [service.client.delete(f"/deals/{deal}") for _ in range(4)]
    responses = await run_queued(service, *requests, lock=_LOCK_DEAL, id=deal)
    assert _get_outcomes(responses) == [204, *["deal_not_found"] * 3]


async def test_concurrent_post_deals_with_one_external_id_only_one_wins(
    service: Service, hotel: int, deal: int
) -> None:
    new = {**PLAIN_DEAL, "hotel_id": hotel, "external_id": 77}
    responses = await run_queued(
        service, *(service.send("POST", "/deals", new) for _ in range(8)), lock=_LOCK_EXTERNAL_ID
    )
    assert sorted(_get_outcomes(responses), key=str) == [201, *["external_id_taken"] * 7]
    assert (await service.get("/deals"))["total"] == 2


async def test_concurrent_post_hotels_with_one_phone_only_one_wins(service: Service, hotel: int) -> None:
    requests = [service.send("POST", "/hotels", {**PLAIN_HOTEL, "name": f"{n}", "phone": "1"}) for n in range(8)]
    responses = await run_queued(service, *requests, lock="UPDATE hotels SET phone = '1'")
    assert sorted(_get_outcomes(responses), key=str) == [201, *["hotel_exists"] * 7]


async def test_concurrent_post_deals_create_each_new_category_once(service: Service, hotel: int) -> None:
    names = ["a", "b", "c"]
    deals = [{**PLAIN_DEAL, "hotel_id": hotel, "categories": list(order)} for order in permutations(names)]
    requests = [service.send("POST", "/deals", deal) for deal in deals]
    responses = await run_queued(service, *requests, lock="INSERT INTO categories (name) VALUES ('A')")
    assert [(response.status_code, response.json()["categories"]) for response in responses] == [(201, names)] * len(
        deals
    )
    assert await service.get("/categories") == [{"name": name, "deal_count": len(deals)} for name in names]


async def test_delete_hotel_after_concurrent_post_deal_is_a_conflict(service: Service, hotel: int) -> None:
    requests = (
        service.send("POST", "/deals", {**PLAIN_DEAL, "hotel_id": hotel}),
        service.client.delete(f"/hotels/{hotel}"),
    )
    responses = await run_queued(service, *requests, lock=_LOCK_HOTEL, id=hotel)
    assert _get_outcomes(responses) == [201, "hotel_has_deals"]
    assert (await service.get("/deals"))["items"][0]["hotel"]["id"] == hotel


async def test_post_deal_after_concurrent_delete_of_its_hotel_returns_404(service: Service, hotel: int) -> None:
    requests = (
        service.client.delete(f"/hotels/{hotel}"),
        service.send("POST", "/deals", {**PLAIN_DEAL, "hotel_id": hotel}),
    )
    responses = await run_queued(service, *requests, lock=_LOCK_HOTEL, id=hotel)
    assert _get_outcomes(responses) == [204, "hotel_not_found"]
    assert (await service.get("/deals"))["total"] == 0


async def test_patch_deal_after_concurrent_delete_of_its_new_hotel_returns_404(service: Service, deal: int) -> None:
    other = (await service.create("/hotels", {**PLAIN_HOTEL, "name": "Other", "phone": "2"}))["id"]
    requests = service.client.delete(f"/hotels/{other}"), service.send("PATCH", f"/deals/{deal}", {"hotel_id": other})
    responses = await run_queued(service, *requests, lock=_LOCK_HOTEL, id=other)
    assert _get_outcomes(responses) == [204, "hotel_not_found"]
    assert (await service.get(f"/deals/{deal}"))["version"] == 1


async def test_delete_and_patch_hotel_after_concurrent_delete_return_404(service: Service, hotel: int) -> None:
    path = f"/hotels/{hotel}"
    requests = service.client.delete(path), service.client.delete(path), service.send("PATCH", path, {"city": "Rome"})
    responses = await run_queued(service, *requests, lock=_LOCK_HOTEL, id=hotel)
    assert _get_outcomes(responses) == [204, "hotel_not_found", "hotel_not_found"]


async def test_concurrent_patches_of_different_hotel_fields_all_apply(service: Service, hotel: int) -> None:
    path = f"/hotels/{hotel}"
    patches = [{"name": "Other"}, {"city": "Rome"}, {"country": "Italy"}, {"phone": "2"}]
    responses = await run_queued(
        service, *(service.send("PATCH", path, patch) for patch in patches), lock=_LOCK_HOTEL, id=hotel
    )
    assert _get_outcomes(responses) == [200, 200, 200, 200]
    changed = {"name": "Other", "city": "Rome", "country": "Italy", "phone": "2"}
    assert (await service.get(path)).items() >= changed.items()


async def test_empty_patch_of_a_locked_hotel_does_not_block(service: Service, hotel: int) -> None:
    async with service.database.engine.begin() as holder:
        await holder.execute(text(_LOCK_HOTEL), {"id": hotel})
        response = await service.send("PATCH", f"/hotels/{hotel}", {})
    assert response.status_code == 200
