"""If-Match on PATCH and DELETE: only the current representation is changed."""

import asyncio
from typing import Any, Final

import pytest
from httpx import AsyncClient, Response

from tests.support.deal_bodies import PLAIN_HOTEL

OTHER_TAG: Final = '"5d41402abc4b2a76b9719d911017c592"'
LONG_NAMES: Final = [f"{number}".ljust(50, "\U0001f3e8") for number in range(20)]
"""Categories with which a deal is large enough to be compressed."""
COMPRESSED_SIZE: Final = 4096
ACCEPTED_CODINGS: Final = (*("", "identity", "gzip", "br", "zstd", "*", "gzip;q=0"), "gzip, deflate, br, zstd")


def build_deal(hotel_id: int, **changes: Any) -> dict[str, Any]:
    prices = {"price_per_night": 0.07, "original_price": 99_999_999.99}
    dates = {"checkin_date": "2026-03-01", "checkout_date": "2026-03-04"}
    return {"hotel_id": hotel_id, "room_type": "Zimmer \u2013 \u5bbf", "star_rating": 5, "discount_percent": 30} | (
        prices | dates | changes
    )


@pytest.fixture(params=["deal", "large deal", "hotel"])
async def path(request: pytest.FixtureRequest, client: AsyncClient) -> str:
    """The path of a deal, of one with long categories, or of a hotel without deals."""
    hotel = (await client.post("/hotels", json=PLAIN_HOTEL | {"name": "Caf\u00e9 \U0001f3e8"})).json()
    if request.param == "hotel":
        return f"/hotels/{hotel['id']}"
    categories = LONG_NAMES if request.param == "large deal" else ["luxury"]
    deal = await client.post("/deals", json=build_deal(hotel["id"], categories=categories))
    assert (len(deal.content) >= COMPRESSED_SIZE) == (request.param == "large deal")
    return str(deal.headers["location"])


async def get_tag(client: AsyncClient, path: str) -> str:
    return str((await client.get(path)).headers["etag"])


async def write(client: AsyncClient, method: str, path: str, *if_match: str) -> Response:
    body = {"room_type" if path.startswith("/deals") else "phone": "1"} if method == "PATCH" else None
    return await client.request(method, path, headers=[("If-Match", value) for value in if_match], json=body)


def describe(response: Response) -> tuple[int, str | None]:
    code = response.json()["error"]["code"] if response.status_code >= 400 else None
    return response.status_code, code


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_write_needs_the_current_tag(client: AsyncClient, path: str, method: str) -> None:
    tag = (await get_tag(client, path)).removeprefix("W/")
    outdated = (
        OTHER_TAG,
        f"W/{OTHER_TAG}",
        f"{OTHER_TAG}, W/{OTHER_TAG}",
        f"w/{tag}",
        f"W/ {tag}",
        "",
        tag.strip('"'),
        tag[:9],
        f'"a,{tag}"',
        "nope",
        '"*"',
    )
    before = (await client.get(path)).json()
    for if_match in outdated:
        assert describe(await write(client, method, path, if_match)) == (412, "precondition_failed"), if_match
    assert (await client.get(path)).json() == before
    assert (await write(client, method, path, OTHER_TAG, f'W/"a", {tag}')).is_success


async def test_tag_of_a_read_matches_whatever_its_content_coding(client: AsyncClient, path: str) -> None:
    for accept_encoding in ACCEPTED_CODINGS:
        read = await client.get(path, headers={"Accept-Encoding": accept_encoding})
        response = await write(client, "PATCH", path, read.headers["etag"])
        assert describe(response) == (200, None), accept_encoding


@pytest.mark.parametrize("if_match", ["{tag}", "W/{tag}", "*", " * ", "{other},{tag} ,", "W/{other}, W/{tag}"])
async def test_listed_tag_or_any_matches(client: AsyncClient, path: str, if_match: str) -> None:
    tag = (await get_tag(client, path)).removeprefix("W/")
    value = if_match.format(tag=tag, other=OTHER_TAG)
    assert (await write(client, "PATCH", path, value)).status_code == 200
    assert (await write(client, "DELETE", path, "*")).status_code == 204
    assert (await write(client, "PATCH", path, "*")).status_code == 404


async def test_write_returns_the_tag_of_the_next_read(client: AsyncClient) -> None:
    created = await client.post("/hotels", json=PLAIN_HOTEL, headers={"Idempotency-Key": "a"})
    replayed = await client.post("/hotels", json=PLAIN_HOTEL, headers={"Idempotency-Key": "a"})
    deal = await client.post("/deals", json=build_deal(created.json()["id"], categories=LONG_NAMES))
    first = await write(client, "PATCH", deal.headers["location"], deal.headers["etag"])
    second = await write(client, "PATCH", deal.headers["location"], first.headers["etag"])
    assert second.headers["etag"] == await get_tag(client, deal.headers["location"])
    tags = [response.headers["etag"] for response in (created, replayed, deal, first, second)]
    assert tags[0] == tags[1]
    assert len(set(tags)) == len(tags) - 1
    assert "etag" not in (await write(client, "DELETE", deal.headers["location"], tags[-1])).headers


async def test_tag_of_an_earlier_representation_does_not_match(client: AsyncClient, path: str) -> None:
    tag = await get_tag(client, path)
    assert (await write(client, "PATCH", path, tag)).status_code == 200
    assert describe(await write(client, "DELETE", path, tag)) == (412, "precondition_failed")
    assert (await write(client, "DELETE", path, await get_tag(client, path))).status_code == 204


async def test_invalid_requests_are_reported_before_the_precondition(client: AsyncClient, path: str) -> None:
    response = await client.patch(path, json={"colour": "red"}, headers={"If-Match": OTHER_TAG})
    assert describe(response) == (422, "validation_error")
    missing = path.rpartition("/")[0] + "/9999"
    assert (await write(client, "DELETE", missing, OTHER_TAG)).status_code == 404


@pytest.fixture
async def contended_hotel(own_client: AsyncClient) -> str:
    return str((await own_client.post("/hotels", json=PLAIN_HOTEL)).headers["location"])


async def test_one_of_many_concurrent_writes_with_the_same_tag_succeeds(
    own_client: AsyncClient, contended_hotel: str
) -> None:
    headers = {"If-Match": await get_tag(own_client, contended_hotel)}
    patches = [own_client.patch(contended_hotel, json={"phone": f"{n}"}, headers=headers) for n in range(5)]
    statuses = [response.status_code for response in await asyncio.gather(*patches)]
    assert sorted(statuses) == [200, 412, 412, 412, 412]
