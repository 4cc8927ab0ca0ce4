"""Concurrent writes to the deals of one hotel do not deadlock and leave the rollups correct."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Final

import pytest
from httpx import Response

from app.db.urls import libpq_url
from tests.support.concurrency import Request, run_queued
from tests.support.deal_bodies import PLAIN_DEAL, Body
from tests.support.deal_files import Row
from tests.support.import_catalogue import Catalogue
from tests.support.rollups import find_mismatches
from tests.support.service import Service
from tests.support.writing_steps import build_hotel, build_row, import_rows

_LOCK_CATEGORIES: Final = "SELECT FROM categories FOR UPDATE"
_LOCK_ROLLUP: Final = "SELECT FROM deal_rollup WHERE star_rating = :stars FOR UPDATE"
_LOCK_HOTEL: Final = "SELECT FROM hotels WHERE name = 'Hotel 2' FOR UPDATE"
_INSERT_EXTERNAL_ID: Final = """
    INSERT INTO deals (
        external_id, hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
        checkin_date, checkout_date
    ) SELECT 3, id, 'Single', 1, 1, 1, 0, '2026-03-01', '2026-03-02' FROM hotels WHERE name = 'Hotel 2'
"""
_COUNT_DEADLOCKS: Final = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@pytest.fixture
async def hotel(service: Service) -> int:
    """The id of hotel 1."""
    await service.empty()
    return int((await service.create("/hotels", build_hotel(1)))["id"])


@pytest.fixture
async def deals(service: Service, hotel: int) -> list[int]:
    """The ids of three deals of hotel 1, with 1, 2 and 1 stars; the second is in another category."""
    contents = (1, ["beach"]), (2, ["family"]), (1, ["beach"])
    bodies = [{**PLAIN_DEAL, "hotel_id": hotel, "star_rating": stars, "categories": names} for stars, names in contents]
    return [(await service.create("/deals", {**body, "external_id": n}))["id"] for n, body in enumerate(bodies, 1)]


def _patch(service: Service, deal: int, body: Body) -> Request:
    return service.send("PATCH", f"/deals/{deal}", body)


async def _import(service: Service, *rows: Row) -> Response:
    return await asyncio.to_thread(import_rows, service, rows)


def _get_statuses(responses: Sequence[Response]) -> list[int]:
    return [response.status_code for response in responses]


async def test_concurrent_patch_deals_that_swap_categories_do_not_deadlock(service: Service, deals: list[int]) -> None:
    """Each deal leaves its category and enters the other deal's; neither can enter before both have begun."""
    await _patch(service, deals[1], {"star_rating": 1})
    patches = (
        _patch(service, deals[0], {"categories": ["family"]}),
        _patch(service, deals[1], {"categories": ["beach"]}),
    )
    responses = await run_queued(service, *patches, lock=_LOCK_CATEGORIES)
    assert _get_statuses(responses) == [200, 200]
    assert await find_mismatches(service) == []


@pytest.mark.parametrize("locked", [1, 2])
async def test_concurrent_patch_deals_that_swap_star_ratings_do_not_deadlock(
    service: Service, deals: list[int], locked: int
) -> None:
    patches = _patch(service, deals[0], {"star_rating": 2}), _patch(service, deals[1], {"star_rating": 1})
    responses = await run_queued(service, *patches, lock=_LOCK_ROLLUP, stars=locked)
    assert _get_statuses(responses) == [200, 200]
    assert await find_mismatches(service) == []


@pytest.mark.parametrize("first", [0, 1])
async def test_concurrent_delete_and_patch_deal_do_not_deadlock(service: Service, deals: list[int], first: int) -> None:
    requests = (
        _patch(service, deals[0], {"categories": ["family"]}),
        service.client.delete(f"/deals/{deals[2]}"),
    )
    responses = await run_queued(service, *islice(cycle(requests), first, first + 2), lock=_LOCK_ROLLUP, stars=1)
    assert sorted(_get_statuses(responses)) == [200, 204]
    assert await find_mismatches(service) == []


async def test_concurrent_import_and_patch_deal_do_not_deadlock(service: Service, deals: list[int]) -> None:
    """The import waits after the deals with two stars, before one with one star; the PATCH goes from one to two."""
    await service.create("/hotels", build_hotel(2))
    rows = [
        build_row(1, id="2", hotel_star_rating="2", price_per_night="1.00", categories="family"),
        build_row(1, id="4", hotel_star_rating="1"),
        build_row(2, id="5", hotel_star_rating="1"),
    ]
    writers = _import(service, *rows), _patch(service, deals[0], {"star_rating": 2})
    responses = await run_queued(service, *writers, lock=_LOCK_HOTEL)
    assert _get_statuses(responses) == [200, 200]
    assert await find_mismatches(service) == []
    assert (await service.get("/deals"))["total"] == 5


async def test_concurrent_import_and_post_deal_of_one_external_id_do_not_deadlock(
    service: Service, hotel: int, deals: list[int]
) -> None:
    """The import waits after a deal of the same rollup row: a POST that could begin would hold external_id 4."""
    await service.create("/hotels", build_hotel(2))
    await service.client.delete(f"/deals/{deals[2]}")
    rows = [
        build_row(1, id="1", hotel_star_rating="1", price_per_night="1.00"),
        build_row(2, id="3", hotel_star_rating="1"),
        build_row(1, id="4", hotel_star_rating="1"),
    ]
    body = {**PLAIN_DEAL, "hotel_id": hotel, "star_rating": 1, "external_id": 4}
    writers = _import(service, *rows), service.send("POST", "/deals", body)
    responses = await run_queued(service, *writers, lock=_INSERT_EXTERNAL_ID)
    assert _get_statuses(responses) == [200, 409]
    assert await find_mismatches(service) == []
    assert (await service.get("/deals"))["total"] == 4


async def test_eight_concurrent_writers_to_one_hotel_do_not_deadlock(
    service: Service, hotel: int, deals: list[int]
) -> None:
    before = await _count_deadlocks(service)
    results = await asyncio.gather(*(_write(service, hotel, deals, number) for number in range(8)))
    assert {response.status_code for responses in results for response in responses} <= {200, 201, 204, 404, 409}
    assert sum(response.is_success for responses in results for response in responses) > 8 * 15
    assert await _count_deadlocks(service) == before
    assert await find_mismatches(service) == []


async def _write(service: Service, hotel: int, deals: Sequence[int], number: int) -> list[Response]:
    """Send the common requests, starting at an offset that depends on `number`; delete created deals at once."""
    responses = []
    for method, path, body in islice(cycle(_list_requests(hotel, deals)), number * 3, number * 3 + 60):
        responses.append(await service.send(method, path, body))
        if responses[-1].status_code == 201:
            responses.append(await service.client.delete(f"/deals/{responses[-1].json()['id']}"))
    return responses


def _list_requests(hotel: int, deals: Sequence[int]) -> Iterator[tuple[str, str, Body]]:
    names = ["beach", "family", "luxury"]
    for turn, deal in enumerate([*deals, *reversed(deals)]):
        path = f"/deals/{deal}"
        yield "PATCH", path, {"categories": names[turn % 3 :]}
        yield "PATCH", path, {"star_rating": 1 + turn % 2, "is_available": turn % 3 > 0}
        yield "POST", "/deals", {**PLAIN_DEAL, "hotel_id": hotel, "external_id": 100 + turn, "categories": names}
        yield "PATCH", path, {"categories": names[2 - turn % 3 :: -1], "price_per_night": 50 + turn}


async def _count_deadlocks(service: Service) -> object:
    """Count all deadlocks so far. Sessions report theirs when they end, so wait until all have ended."""
    await service.database.close()
    catalogue = Catalogue(libpq_url(service.url))
    await asyncio.to_thread(catalogue.wait_until_alone)
    return catalogue.one(_COUNT_DEADLOCKS)
