"""Idempotency-Key: a repeated write is executed once, and the first response is replayed."""

import asyncio
import json
from typing import Any, Final

import pytest
from httpx import AsyncClient, Response
from psycopg2 import extensions

from app.config import Settings
from app.db.session import ConnectedDatabase, Database
from tests.factories import HotelFactory
from tests.support.api_keys import HEADER, issue_key, with_keys
from tests.support.cli import run_deals
from tests.support.clients import build_app, build_client
from tests.support.deal_bodies import PLAIN_HOTEL

REPLAYED: Final = "idempotent-replayed"


def _count(other_connection: extensions.connection, table: str) -> int:
    with other_connection, other_connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  a table of this file
        (number,) = cursor.fetchone() or (0,)
        return int(number)


async def _post(client: AsyncClient, path: str, body: object, key: str) -> Response:
    return await client.post(path, json=body, headers={"Idempotency-Key": key})


async def _build_deal(database: Database) -> dict[str, Any]:
    async with database.sessions.begin() as session:
        hotel = HotelFactory.build()
        session.add(hotel)
    stay = {"checkin_date": "2026-12-01", "checkout_date": "2026-12-04"}
    prices = {"price_per_night": 129.15, "original_price": 184.5, "discount_percent": 30}
    return {"hotel_id": hotel.id, "room_type": "Deluxe", "star_rating": 5, "categories": ["luxury"], **prices, **stay}


async def test_post_deal_repeated_with_the_same_key_creates_one_deal(
    own_client: AsyncClient, own_database: ConnectedDatabase, other_connection: extensions.connection
) -> None:
    deal = await _build_deal(own_database)
    first = await _post(own_client, "/deals", deal, "one")
    await own_client.patch(first.headers["location"], json={"star_rating": 1})
    repeated = await _post(own_client, "/deals", dict(reversed(deal.items())), "one")
    assert (first.status_code, repeated.status_code) == (201, 201)
    assert (repeated.content, repeated.headers["location"]) == (first.content, first.headers["location"])
    assert repeated.headers["content-type"] == first.headers["content-type"]
    assert (first.headers.get(REPLAYED), repeated.headers.get(REPLAYED)) == (None, "true")
    assert _count(other_connection, "deals") == 1


async def test_post_deal_with_the_same_key_and_equivalent_json_is_replayed(
    own_client: AsyncClient, own_database: ConnectedDatabase
) -> None:
    deal = await _build_deal(own_database)
    headers = {"Idempotency-Key": "one", "Content-Type": "application/json"}
    body = json.dumps({**deal, "original_price": 200, "price_per_night": 129.5})
    first = await own_client.post("/deals", content=body, headers=headers)
    rewritten = body.replace("129.5", "129.50").replace("200", "2.0e2").replace("Deluxe", " Deluxe ")
    repeated = await own_client.post("/deals", content=rewritten, headers=headers)
    assert (first.status_code, repeated.status_code, repeated.content) == (201, 201, first.content)
    other = await own_client.post("/deals", content=body.replace("129.5", "129.51"), headers=headers)
    assert other.json()["error"]["code"] == "idempotency_key_reused"


async def test_post_deal_without_a_key_or_with_a_new_key_creates_another_deal(
    own_client: AsyncClient, own_database: ConnectedDatabase, other_connection: extensions.connection
) -> None:
    deal = await _build_deal(own_database)
    for _ in range(2):
        assert (await own_client.post("/deals", json=deal)).status_code == 201
    assert (await _post(own_client, "/deals", deal, "one")).status_code == 201
    assert (await _post(own_client, "/deals", deal, "two")).status_code == 201
    assert _count(other_connection, "deals") == 4


async def test_post_hotel_with_a_used_key_and_another_body_is_rejected(
    own_client: AsyncClient, other_connection: extensions.connection
) -> None:
    assert (await _post(own_client, "/hotels", PLAIN_HOTEL, "one")).status_code == 201
    other = await _post(own_client, "/hotels", {**PLAIN_HOTEL, "phone": "+1"}, "one")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert (await _post(own_client, "/hotels", PLAIN_HOTEL, "one")).headers[REPLAYED] == "true"
    assert _count(other_connection, "hotels") == 1


async def test_idempotency_keys_of_different_clients_are_independent(
    own_database: ConnectedDatabase, settings: Settings, other_connection: extensions.connection
) -> None:
    deal = await _build_deal(own_database)
    async with own_database.sessions() as session:
        clients = [{HEADER: await issue_key(session), "Idempotency-Key": "one"} for _ in range(2)]
    async with build_client(build_app(own_database, with_keys(settings))) as client:
        first, other = [await client.post("/deals", json=deal, headers=headers) for headers in clients]
        repeated = await client.post("/deals", json=deal, headers=clients[1])
    assert (first.status_code, other.status_code, other.headers.get(REPLAYED)) == (201, 201, None)
    assert first.json()["id"] != other.json()["id"]
    assert (repeated.content, repeated.headers[REPLAYED]) == (other.content, "true")
    assert _count(other_connection, "deals") == 2


async def test_concurrent_posts_with_one_key_are_executed_once(
    own_client: AsyncClient, other_connection: extensions.connection
) -> None:
    for number in range(5):
        hotel = {**PLAIN_HOTEL, "name": f"Tower {number}", "phone": str(number)}
        responses = await asyncio.gather(*(_post(own_client, "/hotels", hotel, f"key-{number}") for _ in range(8)))
        assert {response.status_code for response in responses} == {201}
        assert len({response.content for response in responses}) == 1
        assert sorted(response.headers.get(REPLAYED, "") for response in responses) == ["", *["true"] * 7]
    assert _count(other_connection, "hotels") == 5


async def test_post_hotel_while_the_first_request_is_in_progress_returns_409(
    own_client: AsyncClient, other_connection: extensions.connection
) -> None:
    with other_connection.cursor() as cursor:
        cursor.execute("BEGIN; INSERT INTO idempotency_keys (client, key, fingerprint) VALUES ('', 'one', '')")
        response = await _post(own_client, "/hotels", PLAIN_HOTEL, "one")
        assert (response.status_code, response.json()["error"]["code"]) == (409, "idempotency_in_progress")
        assert response.headers["retry-after"] == "1"
        waiting = asyncio.create_task(_post(own_client, "/hotels", PLAIN_HOTEL, "one"))
        cursor.execute("ROLLBACK")
    assert (await waiting).status_code == 201
    assert _count(other_connection, "hotels") == 1


async def test_key_of_a_rejected_write_is_not_stored(
    own_client: AsyncClient, other_connection: extensions.connection
) -> None:
    assert (await own_client.post("/hotels", json=PLAIN_HOTEL)).status_code == 201
    assert (await _post(own_client, "/hotels", PLAIN_HOTEL, "one")).status_code == 409
    assert _count(other_connection, "idempotency_keys") == 0
    assert (
        await _post(own_client, "/hotels", {**PLAIN_HOTEL, "name": "Another", "phone": "1"}, "one")
    ).status_code == 201


async def test_key_expires_after_a_day(own_client: AsyncClient, other_connection: extensions.connection) -> None:
    await _post(own_client, "/hotels", PLAIN_HOTEL, "one")
    with other_connection, other_connection.cursor() as cursor:
        cursor.execute("UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'")
    other = {**PLAIN_HOTEL, "name": "Another", "phone": "1"}
    first = await _post(own_client, "/hotels", other, "one")
    repeated = await _post(own_client, "/hotels", other, "one")
    assert (first.status_code, first.headers.get(REPLAYED)) == (201, None)
    assert (repeated.content, repeated.headers[REPLAYED]) == (first.content, "true")


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "schl\u00fcssel".encode("latin-1")])
async def test_malformed_key_is_rejected(
    own_client: AsyncClient, other_connection: extensions.connection, key: str
) -> None:
    response = await own_client.post("/hotels", json=PLAIN_HOTEL, headers={"Idempotency-Key": key})
    assert response.status_code == 422
    assert [detail["field"].lower() for detail in response.json()["error"]["details"]] == ["idempotency-key"]
    assert _count(other_connection, "hotels") == 0


async def test_two_keys_in_one_request_are_rejected(
    own_client: AsyncClient, other_connection: extensions.connection
) -> None:
    both = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    response = await own_client.post("/hotels", json=PLAIN_HOTEL, headers=both)
    assert response.status_code == 422
    assert _count(other_connection, "hotels") == 0


async def test_purge_deletes_keys_older_than_a_day(
    own_client: AsyncClient, own_url: str, other_connection: extensions.connection
) -> None:
    await _post(own_client, "/hotels", PLAIN_HOTEL, "old")
    with other_connection, other_connection.cursor() as cursor:
        cursor.execute("UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'")
    await _post(own_client, "/hotels", {**PLAIN_HOTEL, "name": "Another", "phone": "1"}, "new")
    result = await asyncio.to_thread(run_deals, own_url, "purge")
    assert result.stdout == "Deleted 1 Idempotency-Keys.\n"
    assert (
        _count(other_connection, "idempotency_keys WHERE key = 'new'")
        == _count(other_connection, "idempotency_keys")
        == 1
    )
