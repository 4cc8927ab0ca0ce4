"""Many who write deals of one hotel at once wait for each other, and never in a circle; nothing is counted twice."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Final

import pytest
from httpx import Response

from app.db.urls import libpq_url
from tests.support.concurrency import Request, run_queued
from tests.support.databases import text_of
from tests.support.deal_bodies import PLAIN_DEAL, Body
from tests.support.deal_files import Row
from tests.support.import_catalogue import Catalogue
from tests.support.rollups import wrong
from tests.support.service import Service
from tests.support.writing_steps import file_row, hotel, imported

_CATEGORIES_LOCKED: Final = "SELECT FROM categories FOR UPDATE"
_ROLLUP_LOCKED: Final = "SELECT FROM deal_rollup WHERE star_rating = :stars FOR UPDATE"
_HOTEL_LOCKED: Final = "SELECT FROM hotels WHERE name = 'Hotel 2' FOR UPDATE"
_EXTERNAL_ID_USED: Final = """
    INSERT INTO deals (
        external_id, hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent,
        checkin_date, checkout_date
    ) SELECT 3, id, 'Single', 1, 1, 1, 0, '2026-03-01', '2026-03-02' FROM hotels WHERE name = 'Hotel 2'
"""
_DEADLOCKS: Final = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@pytest.fixture
async def home(service: Service) -> int:
    """The id of hotel 1."""
    await service.empty()
    return int((await service.create("/hotels", hotel(1)))["id"])


@pytest.fixture
async def deals(service: Service, home: int) -> list[int]:
    """The ids of three deals of hotel 1, with so many stars: 1, 2, 1. Only the second is with families."""
    filed = (1, ["beach"]), (2, ["family"]), (1, ["beach"])
    bodies = [{**PLAIN_DEAL, "hotel_id": home, "star_rating": stars, "categories": names} for stars, names in filed]
    return [(await service.create("/deals", {**body, "external_id": n}))["id"] for n, body in enumerate(bodies, 1)]


def _patch(service: Service, deal: int, body: Body) -> Request:
    return service.send("PATCH", f"/deals/{deal}", body)


async def _import(service: Service, *rows: Row) -> Response:
    return await asyncio.to_thread(imported, service, rows)


def _outcomes(answers: Sequence[Response]) -> list[int]:
    return [answer.status_code for answer in answers]


async def test_categories_are_changed_in_opposite_orders(service: Service, deals: list[int]) -> None:
    """Each leaves one category and enters the other's, in this order, and can't enter until both have begun."""
    await _patch(service, deals[1], {"star_rating": 1})
    patches = (
        _patch(service, deals[0], {"categories": ["family"]}),
        _patch(service, deals[1], {"categories": ["beach"]}),
    )
    answers = await run_queued(service, *patches, lock=_CATEGORIES_LOCKED)
    assert _outcomes(answers) == [200, 200]
    assert await wrong(service) == []


@pytest.mark.parametrize("locked", [1, 2])
async def test_deals_are_moved_in_opposite_directions(service: Service, deals: list[int], locked: int) -> None:
    patches = _patch(service, deals[0], {"star_rating": 2}), _patch(service, deals[1], {"star_rating": 1})
    answers = await run_queued(service, *patches, lock=_ROLLUP_LOCKED, stars=locked)
    assert _outcomes(answers) == [200, 200]
    assert await wrong(service) == []


@pytest.mark.parametrize("first", [0, 1])
async def test_a_deal_is_removed_while_another_is_filed_elsewhere(
    service: Service, deals: list[int], first: int
) -> None:
    both = (
        _patch(service, deals[0], {"categories": ["family"]}),
        service.client.delete(f"/deals/{deals[2]}"),
    )
    answers = await run_queued(service, *islice(cycle(both), first, first + 2), lock=_ROLLUP_LOCKED, stars=1)
    assert sorted(_outcomes(answers)) == [200, 204]
    assert await wrong(service) == []


async def test_an_import_goes_before_a_patch_that_would_meet_it_in_a_circle(service: Service, deals: list[int]) -> None:
    """The import has written the deals with two stars and not yet one with one star; the patch goes from one to two."""
    await service.create("/hotels", hotel(2))
    rows = [
        file_row(1, id="2", hotel_star_rating="2", price_per_night="1.00", categories="family"),
        file_row(1, id="4", hotel_star_rating="1"),
        file_row(2, id="5", hotel_star_rating="1"),
    ]
    writers = _import(service, *rows), _patch(service, deals[0], {"star_rating": 2})
    answers = await run_queued(service, *writers, lock=_HOTEL_LOCKED)
    assert _outcomes(answers) == [200, 200]
    assert await wrong(service) == []
    assert (await service.get("/deals"))["total"] == 5


async def test_an_import_and_a_post_of_one_external_id_do_not_meet_in_a_circle(
    service: Service, home: int, deals: list[int]
) -> None:
    """The import has written deals like the new one, and would wait for that one's id if the post could begin."""
    await service.create("/hotels", hotel(2))
    await service.client.delete(f"/deals/{deals[2]}")
    rows = [
        file_row(1, id="1", hotel_star_rating="1", price_per_night="1.00"),
        file_row(2, id="3", hotel_star_rating="1"),
        file_row(1, id="4", hotel_star_rating="1"),
    ]
    new = {**PLAIN_DEAL, "hotel_id": home, "star_rating": 1, "external_id": 4}
    writers = _import(service, *rows), service.send("POST", "/deals", new)
    answers = await run_queued(service, *writers, lock=_EXTERNAL_ID_USED)
    assert _outcomes(answers) == [200, 409]
    assert await wrong(service) == []
    assert (await service.get("/deals"))["total"] == 4


async def test_eight_who_write_to_one_hotel_do_not_deadlock(service: Service, home: int, deals: list[int]) -> None:
    before = await _deadlocks(service)
    answers = await asyncio.gather(*(_work(service, home, deals, number) for number in range(8)))
    assert {answer.status_code for each in answers for answer in each} <= {200, 201, 204, 404, 409}
    assert sum(answer.is_success for each in answers for answer in each) > 8 * 15
    assert await _deadlocks(service) == before
    assert await wrong(service) == []


async def _work(service: Service, home: int, deals: Sequence[int], number: int) -> list[Response]:
    """Everybody does the same, begins somewhere else in it, and removes at once what is new."""
    answers = []
    for method, path, body in islice(cycle(_writes(home, deals)), number * 3, number * 3 + 60):
        answers.append(await service.send(method, path, body))
        if answers[-1].status_code == 201:
            answers.append(await service.client.delete(f"/deals/{answers[-1].json()['id']}"))
    return answers


def _writes(home: int, deals: Sequence[int]) -> Iterator[tuple[str, str, Body]]:
    names = ["beach", "family", "luxury"]
    for turn, deal in enumerate([*deals, *reversed(deals)]):
        path = f"/deals/{deal}"
        yield "PATCH", path, {"categories": names[turn % 3 :]}
        yield "PATCH", path, {"star_rating": 1 + turn % 2, "is_available": turn % 3 > 0}
        yield "POST", "/deals", {**PLAIN_DEAL, "hotel_id": home, "external_id": 100 + turn, "categories": names}
        yield "PATCH", path, {"categories": names[2 - turn % 3 :: -1], "price_per_night": 50 + turn}


async def _deadlocks(service: Service) -> object:
    """How many there have been by now; a session has told of its own once it has ended."""
    await service.database.engine.dispose()
    catalogue = Catalogue(libpq_url(text_of(service.database.engine.url)))
    await asyncio.to_thread(catalogue.wait_until_alone)
    return catalogue.one(_DEADLOCKS)
