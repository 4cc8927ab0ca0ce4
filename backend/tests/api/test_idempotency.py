"""Idempotency-Key: a write that is sent again happens once, and is answered as it was the first time."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from httpx import ASGITransport, AsyncClient, Response
from psycopg2.extensions import connection

from app.config import Settings
from app.main import create_app
from tests.factories import HotelFactory
from tests.support.api_keys import HEADER, issue, with_keys
from tests.support.databases import OpenDatabase, connect

HOTEL: Final = {"name": "Crown Tower", "city": "Toronto", "country": "Canada", "phone": "+1-416-555-1333"}
REPLAYED: Final = "idempotent-replayed"


@pytest.fixture
def elsewhere(own_url: str) -> Iterator[connection]:
    other = connect(own_url)
    yield other
    other.close()


def _count(elsewhere: connection, table: str) -> int:
    with elsewhere, elsewhere.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  a table of this file
        (number,) = cursor.fetchone() or (0,)
        return int(number)


async def _post(client: AsyncClient, path: str, body: object, key: str) -> Response:
    return await client.post(path, json=body, headers={"Idempotency-Key": key})


async def _deal(database: OpenDatabase) -> dict[str, Any]:
    async with database.sessions.begin() as session:
        hotel = HotelFactory.build()
        session.add(hotel)
    stay = {"checkin_date": "2026-12-01", "checkout_date": "2026-12-04"}
    prices = {"price_per_night": 129.15, "original_price": 184.5, "discount_percent": 30}
    return {"hotel_id": hotel.id, "room_type": "Deluxe", "star_rating": 5, "categories": ["luxury"], **prices, **stay}


async def test_a_deal_that_is_sent_again_is_one_deal(
    own_client: AsyncClient, own_database: OpenDatabase, elsewhere: connection
) -> None:
    deal = await _deal(own_database)
    first = await _post(own_client, "/deals", deal, "one")
    await own_client.patch(first.headers["location"], json={"star_rating": 1})
    again = await _post(own_client, "/deals", dict(reversed(deal.items())), "one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])
    assert again.headers["content-type"] == first.headers["content-type"]
    assert (first.headers.get(REPLAYED), again.headers.get(REPLAYED)) == (None, "true")
    assert _count(elsewhere, "deals") == 1


async def test_what_means_the_same_may_be_written_otherwise(
    own_client: AsyncClient, own_database: OpenDatabase
) -> None:
    deal = await _deal(own_database)
    headers = {"Idempotency-Key": "one", "Content-Type": "application/json"}
    written = json.dumps({**deal, "original_price": 200, "price_per_night": 129.5})
    first = await own_client.post("/deals", content=written, headers=headers)
    otherwise = written.replace("129.5", "129.50").replace("200", "2.0e2").replace("Deluxe", " Deluxe ")
    again = await own_client.post("/deals", content=otherwise, headers=headers)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    other = await own_client.post("/deals", content=written.replace("129.5", "129.51"), headers=headers)
    assert other.json()["error"]["code"] == "idempotency_key_reused"


async def test_without_a_key_each_is_a_write_of_its_own(
    own_client: AsyncClient, own_database: OpenDatabase, elsewhere: connection
) -> None:
    deal = await _deal(own_database)
    for _ in range(2):
        assert (await own_client.post("/deals", json=deal)).status_code == 201
    assert (await _post(own_client, "/deals", deal, "one")).status_code == 201
    assert (await _post(own_client, "/deals", deal, "two")).status_code == 201
    assert _count(elsewhere, "deals") == 4


async def test_a_key_is_of_one_body(own_client: AsyncClient, elsewhere: connection) -> None:
    assert (await _post(own_client, "/hotels", HOTEL, "one")).status_code == 201
    other = await _post(own_client, "/hotels", {**HOTEL, "phone": "+1"}, "one")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert (await _post(own_client, "/hotels", HOTEL, "one")).headers[REPLAYED] == "true"
    assert _count(elsewhere, "hotels") == 1


async def test_two_clients_with_one_key_do_not_meet(
    own_database: OpenDatabase, settings: Settings, elsewhere: connection
) -> None:
    app, deal = create_app(with_keys(settings)), await _deal(own_database)
    app.state.database = own_database
    async with own_database.sessions() as session:
        clients = [{HEADER: await issue(session), "Idempotency-Key": "one"} for _ in range(2)]
    async with AsyncClient(transport=ASGITransport(app), base_url="http://deals.test") as client:
        first, other = [await client.post("/deals", json=deal, headers=headers) for headers in clients]
        again = await client.post("/deals", json=deal, headers=clients[1])
    assert (first.status_code, other.status_code, other.headers.get(REPLAYED)) == (201, 201, None)
    assert first.json()["id"] != other.json()["id"]
    assert (again.content, again.headers[REPLAYED]) == (other.content, "true")
    assert _count(elsewhere, "deals") == 2


async def test_eight_at_once_are_one_write(own_client: AsyncClient, elsewhere: connection) -> None:
    for number in range(5):
        hotel = {**HOTEL, "name": f"Tower {number}", "phone": str(number)}
        answers = await asyncio.gather(*(_post(own_client, "/hotels", hotel, f"key-{number}") for _ in range(8)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sorted(answer.headers.get(REPLAYED, "") for answer in answers) == ["", *["true"] * 7]
    assert _count(elsewhere, "hotels") == 5


async def test_one_that_is_still_worked_on_is_waited_for_and_then_a_conflict(
    own_client: AsyncClient, elsewhere: connection
) -> None:
    with elsewhere.cursor() as cursor:
        cursor.execute("INSERT INTO idempotency_keys (client, key, fingerprint) VALUES ('', 'one', '')")
        answer = await _post(own_client, "/hotels", HOTEL, "one")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_in_progress")
        assert answer.headers["retry-after"] == "1"
        waiting = asyncio.create_task(_post(own_client, "/hotels", HOTEL, "one"))
        elsewhere.rollback()
    assert (await waiting).status_code == 201
    assert _count(elsewhere, "hotels") == 1


async def test_what_was_refused_is_not_remembered(own_client: AsyncClient, elsewhere: connection) -> None:
    assert (await own_client.post("/hotels", json=HOTEL)).status_code == 201
    assert (await _post(own_client, "/hotels", HOTEL, "one")).status_code == 409
    assert _count(elsewhere, "idempotency_keys") == 0
    assert (await _post(own_client, "/hotels", {**HOTEL, "name": "Another", "phone": "1"}, "one")).status_code == 201


async def test_a_key_is_forgotten_after_a_day(own_client: AsyncClient, elsewhere: connection) -> None:
    await _post(own_client, "/hotels", HOTEL, "one")
    with elsewhere, elsewhere.cursor() as cursor:
        cursor.execute("UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'")
    other = {**HOTEL, "name": "Another", "phone": "1"}
    anew = await _post(own_client, "/hotels", other, "one")
    again = await _post(own_client, "/hotels", other, "one")
    assert (anew.status_code, anew.headers.get(REPLAYED)) == (201, None)
    assert (again.content, again.headers[REPLAYED]) == (anew.content, "true")


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "schl\u00fcssel".encode("latin-1")])
async def test_a_key_that_can_not_be_one_is_refused(own_client: AsyncClient, elsewhere: connection, key: str) -> None:
    answer = await own_client.post("/hotels", json=HOTEL, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert [problem["field"].lower() for problem in answer.json()["error"]["details"]] == ["idempotency-key"]
    assert _count(elsewhere, "hotels") == 0


async def test_two_keys_are_refused(own_client: AsyncClient, elsewhere: connection) -> None:
    both = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    answer = await own_client.post("/hotels", json=HOTEL, headers=both)
    assert answer.status_code == 422
    assert _count(elsewhere, "hotels") == 0


async def test_purge_removes_what_is_older_than_a_day(
    own_client: AsyncClient, own_url: str, elsewhere: connection
) -> None:
    await _post(own_client, "/hotels", HOTEL, "old")
    with elsewhere, elsewhere.cursor() as cursor:
        cursor.execute("UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'")
    await _post(own_client, "/hotels", {**HOTEL, "name": "Another", "phone": "1"}, "new")
    command = [str(Path(sys.executable).with_name("deals")), "purge"]
    done = await asyncio.to_thread(
        subprocess.run, command, env=os.environ | {"DATABASE_URL": own_url}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "Removed 1 Idempotency-Keys.\n"
    assert _count(elsewhere, "idempotency_keys WHERE key = 'new'") == _count(elsewhere, "idempotency_keys") == 1
