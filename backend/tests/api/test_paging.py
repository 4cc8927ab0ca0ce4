"""Pages of the list: order, bounds, totals, links."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import Database
from tests.factories import DealFactory, HotelFactory

SORTS = ["id", "price_per_night", "star_rating", "discount_percent", "checkin_date", "created_at"]


@pytest.fixture(autouse=True)
async def deals(session: AsyncSession) -> None:
    """Thirty deals with many equal sort keys."""
    hotel = HotelFactory.build()
    session.add_all(
        DealFactory.build(
            hotel=hotel,
            external_id=number + 1,
            star_rating=number % 5 + 1,
            price_per_night=Decimal(number % 4 + 1),
            discount_percent=number % 3,
            checkin_date=date(2026, 3, 1) + timedelta(days=number % 7),
            created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number % 6),
        )
        for number in range(30)
    )
    await session.commit()


async def page(client: AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/deals", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
async def test_the_order_is_total(client: AsyncClient, sort: str, sign: str) -> None:
    items = (await page(client, sort=sign + sort, limit=100))["items"]
    keys = [(deal[sort], deal["id"]) for deal in items]
    assert keys == sorted(keys, reverse=bool(sign))
    pages = [await page(client, sort=sign + sort, skip=skip, limit=7) for skip in range(0, 30, 7)]
    assert [deal for each in pages for deal in each["items"]] == items


async def test_past_the_end_there_is_nothing_but_the_total(client: AsyncClient) -> None:
    for skip in (30, 2**63 - 1):
        body = await page(client, skip=skip)
        assert (body["items"], body["total"], body["skip"]) == ([], 30, skip)


async def test_a_page_says_how_its_total_was_found(client: AsyncClient) -> None:
    exact, none = await page(client, min_stars=5), await page(client, min_stars=5, count="none")
    assert (exact["total"], exact["total_kind"]) == (6, "exact")
    assert (none["total"], none["total_kind"]) == (None, "none")
    assert none["items"] == exact["items"]


async def test_an_estimate_is_the_planners(client: AsyncClient, session: AsyncSession) -> None:
    await session.execute(text("ANALYZE deals"))
    await session.commit()
    body = await page(client, count="estimated")
    assert (body["total"], body["total_kind"]) == (30, "estimated")
    assert (await page(client, count="estimated", min_stars=5, city="Toronto"))["total"] >= 0


async def test_links_lead_through_the_pages(client: AsyncClient) -> None:
    seen, address = [], "/deals?limit=8&sort=-price_per_night&min_stars=2"
    while address:
        answer = await client.get(address)
        seen += [deal["id"] for deal in answer.json()["items"]]
        address = answer.links.get("next", {}).get("url", "")
    whole = await page(client, limit=100, sort="-price_per_night", min_stars=2)
    assert seen == [deal["id"] for deal in whole["items"]]
    assert answer.links["first"]["url"] == "/deals?limit=8&sort=-price_per_night&min_stars=2&skip=0"
    assert answer.links["prev"]["url"] == "/deals?limit=8&sort=-price_per_night&min_stars=2&skip=8"


async def test_a_list_that_fits_on_one_page_has_no_links(client: AsyncClient) -> None:
    assert "link" not in (await client.get("/deals", params={"limit": 30})).headers


@pytest.mark.parametrize("query", [{}, {"city": "Toronto"}, {"category": "luxury"}, {"room_type": "Deluxe"}])
async def test_nothing_is_beyond_the_greatest_skip(client: AsyncClient, query: dict[str, str]) -> None:
    assert (await page(client, skip=2**63 - 2, **query))["items"] == []


async def test_an_unknown_sort_is_refused_with_the_list(client: AsyncClient) -> None:
    answer = await client.get("/deals", params={"sort": "hotel"})
    problem = answer.json()["error"]["details"][0]
    assert (answer.status_code, problem["field"]) == (422, "sort")
    assert all(f"'{sign}{sort}'" in problem["message"] for sort in SORTS for sign in ("", "-"))


async def walk(client: AsyncClient, **query: Any) -> list[dict[str, Any]]:
    """All deals, page by page along the cursors."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        body = await page(client, **query, **({"cursor": cursor} if cursor else {}))
        found += body["items"]
        cursor = body["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("filters", [{}, {"min_stars": 3}])
async def test_a_walk_along_the_cursors_is_the_whole_list(
    client: AsyncClient, sort: str, sign: str, filters: dict[str, int]
) -> None:
    whole = (await page(client, sort=sign + sort, limit=100, **filters))["items"]
    assert await walk(client, sort=sign + sort, limit=7, **filters) == whole


async def test_a_cursor_page_has_its_total_and_only_a_next_link(client: AsyncClient) -> None:
    first = await page(client, limit=10, skip=5)
    answer = await client.get("/deals", params={"limit": 10, "cursor": first["next_cursor"]})
    assert (answer.json()["total"], answer.json()["skip"]) == (30, None)
    assert answer.json()["items"] == (await page(client, limit=10, skip=15))["items"]
    assert set(answer.links) == {"next"}
    assert (await client.get(answer.links["next"]["url"])).json()["next_cursor"] is None


@pytest.mark.parametrize("tamper", ["x", "", "AAAA", "é", "A" * 500, "=", "a b"])
async def test_a_made_up_cursor_is_refused(client: AsyncClient, tamper: str) -> None:
    answer = await client.get("/deals", params={"cursor": tamper})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_cursor")


async def test_every_changed_character_of_a_cursor_is_noticed(client: AsyncClient) -> None:
    cursor = (await page(client))["next_cursor"]
    for place in range(0, len(cursor) - 1, 5):
        other = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert (await client.get("/deals", params={"cursor": other})).status_code == 422


@pytest.mark.parametrize("change", [{"sort": "-id"}, {"min_stars": 2}, {"city": "Toronto"}, {"available_only": "true"}])
async def test_a_cursor_belongs_to_its_filters_and_sort(client: AsyncClient, change: dict[str, Any]) -> None:
    cursor = (await page(client, limit=3))["next_cursor"]
    answer = await client.get("/deals", params={"cursor": cursor, "limit": 3} | change)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_cursor")


async def test_a_cursor_goes_with_any_limit_and_count_but_not_with_skip(client: AsyncClient) -> None:
    cursor = (await page(client, limit=3))["next_cursor"]
    assert len((await page(client, cursor=cursor, limit=9, count="none"))["items"]) == 9
    for skip in (0, 3):
        answer = await client.get("/deals", params={"cursor": cursor, "skip": skip})
        assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (422, "cursor")


async def test_a_cursor_outlives_the_process(client: AsyncClient, database: Database) -> None:
    cursor = (await page(client, limit=3))["next_cursor"]
    database.cursor_key = None
    assert (await page(client, limit=3, cursor=cursor))["items"] == (await page(client, limit=3, skip=3))["items"]
