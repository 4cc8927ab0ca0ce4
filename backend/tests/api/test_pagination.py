"""Pages of GET /deals: order, bounds, totals, links and cursors."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from app.db.session import Database
from app.models import Deal
from tests.factories import CategoryFactory, DealFactory, HotelFactory

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


async def get_page(client: AsyncClient, **query: Any) -> dict[str, Any]:
    response = await client.get("/deals", params=query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
async def test_list_deals_order_is_total(client: AsyncClient, sort: str, sign: str) -> None:
    items = (await get_page(client, sort=sign + sort, limit=100))["items"]
    keys = [(deal[sort], deal["id"]) for deal in items]
    assert keys == sorted(keys, reverse=bool(sign))
    pages = [await get_page(client, sort=sign + sort, skip=skip, limit=7) for skip in range(0, 30, 7)]
    assert [deal for page in pages for deal in page["items"]] == items


async def test_list_deals_past_the_end_returns_only_the_total(client: AsyncClient) -> None:
    for skip in (30, 2**63 - 1):
        body = await get_page(client, skip=skip)
        assert (body["items"], body["total"], body["skip"]) == ([], 30, skip)


async def test_list_deals_reports_the_kind_of_its_total(client: AsyncClient) -> None:
    exact, none = await get_page(client, min_stars=5), await get_page(client, min_stars=5, count="none")
    assert (exact["total"], exact["total_kind"]) == (6, "exact")
    assert (none["total"], none["total_kind"]) == (None, "none")
    assert none["items"] == exact["items"]


async def test_list_deals_with_estimated_count_uses_the_planner(client: AsyncClient, session: AsyncSession) -> None:
    await session.execute(text("ANALYZE deals"))
    await session.commit()
    body = await get_page(client, count="estimated")
    assert (body["total"], body["total_kind"]) == (30, "estimated")
    assert (await get_page(client, count="estimated", min_stars=5, city="Toronto"))["total"] >= 0


async def test_list_deals_links_lead_through_all_pages(client: AsyncClient) -> None:
    ids, url = [], "/deals?limit=8&sort=-price_per_night&min_stars=2"
    while url:
        response = await client.get(url)
        ids += [deal["id"] for deal in response.json()["items"]]
        url = response.links.get("next", {}).get("url", "")
    whole = await get_page(client, limit=100, sort="-price_per_night", min_stars=2)
    assert ids == [deal["id"] for deal in whole["items"]]
    assert response.links["first"]["url"] == "/deals?limit=8&sort=-price_per_night&min_stars=2&skip=0"
    assert response.links["prev"]["url"] == "/deals?limit=8&sort=-price_per_night&min_stars=2&skip=8"


async def test_list_deals_on_a_single_page_has_no_links(client: AsyncClient) -> None:
    assert "link" not in (await client.get("/deals", params={"limit": 30})).headers


@pytest.mark.parametrize("query", [{}, {"city": "Toronto"}, {"category": "luxury"}, {"room_type": "Deluxe"}])
async def test_list_deals_with_a_huge_skip_is_empty(client: AsyncClient, query: dict[str, str]) -> None:
    assert (await get_page(client, skip=2**63 - 2, **query))["items"] == []


async def test_list_deals_with_an_unknown_sort_lists_the_valid_ones(client: AsyncClient) -> None:
    response = await client.get("/deals", params={"sort": "hotel"})
    detail = response.json()["error"]["details"][0]
    assert (response.status_code, detail["field"]) == (422, "sort")
    assert all(f"'{sign}{sort}'" in detail["message"] for sort in SORTS for sign in ("", "-"))


async def follow_cursors(client: AsyncClient, **query: Any) -> list[dict[str, Any]]:
    """Collect all deals by following next_cursor."""
    deals: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        body = await get_page(client, **query, **({"cursor": cursor} if cursor else {}))
        deals += body["items"]
        cursor = body["next_cursor"]
        if cursor is None:
            return deals


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("filters", [{}, {"min_stars": 3}])
async def test_list_deals_by_cursor_returns_the_whole_list(
    client: AsyncClient, sort: str, sign: str, filters: dict[str, int]
) -> None:
    whole = (await get_page(client, sort=sign + sort, limit=100, **filters))["items"]
    assert await follow_cursors(client, sort=sign + sort, limit=7, **filters) == whole


async def test_list_deals_cursor_page_has_a_total_and_only_a_next_link(client: AsyncClient) -> None:
    first = await get_page(client, limit=10, skip=5)
    response = await client.get("/deals", params={"limit": 10, "cursor": first["next_cursor"]})
    assert (response.json()["total"], response.json()["skip"]) == (30, None)
    assert response.json()["items"] == (await get_page(client, limit=10, skip=15))["items"]
    assert set(response.links) == {"next"}
    assert (await client.get(response.links["next"]["url"])).json()["next_cursor"] is None


async def test_list_deals_with_an_empty_cursor_links_to_the_cursor_page(client: AsyncClient) -> None:
    response = await client.get("/deals", params={"limit": 10, "cursor": ""})
    following = (await client.get(response.links["next"]["url"])).json()
    assert (following["skip"], following["items"]) == (None, (await get_page(client, limit=10, skip=10))["items"])


@pytest.mark.parametrize("cursor", ["x", "AAAA", "é", "A" * 500, "=", "a b"])
async def test_list_deals_with_a_forged_cursor_is_rejected(client: AsyncClient, cursor: str) -> None:
    response = await client.get("/deals", params={"cursor": cursor})
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid_cursor")


async def test_list_deals_with_a_tampered_cursor_is_rejected(client: AsyncClient) -> None:
    cursor = (await get_page(client))["next_cursor"]
    for position in range(0, len(cursor) - 1, 5):
        tampered = cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]
        assert (await client.get("/deals", params={"cursor": tampered})).status_code == 422


@pytest.mark.parametrize("change", [{"sort": "-id"}, {"min_stars": 2}, {"city": "Toronto"}, {"available_only": "true"}])
async def test_list_deals_with_a_cursor_of_other_filters_or_sort_is_rejected(
    client: AsyncClient, change: dict[str, Any]
) -> None:
    cursor = (await get_page(client, limit=3))["next_cursor"]
    response = await client.get("/deals", params={"cursor": cursor, "limit": 3} | change)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid_cursor")


async def test_list_deals_by_cursor_accepts_any_limit_and_count_and_skip_zero(client: AsyncClient) -> None:
    cursor = (await get_page(client, limit=3))["next_cursor"]
    assert len((await get_page(client, cursor=cursor, limit=9, count="none", skip=0))["items"]) == 9


async def test_list_deals_by_cursor_with_skip_is_rejected(client: AsyncClient) -> None:
    for cursor in ((await get_page(client, limit=3))["next_cursor"], ""):
        response = await client.get("/deals", params={"cursor": cursor, "skip": 3})
        assert (response.status_code, response.json()["error"]["details"][0]["field"]) == (422, "cursor")


async def test_list_deals_with_empty_cursor_is_the_first_page(client: AsyncClient) -> None:
    assert await get_page(client, cursor="", limit=3) == await get_page(client, limit=3)


async def test_list_deals_with_all_documented_defaults_can_be_paged_by_cursor(client: AsyncClient) -> None:
    parameters = (await client.get("/openapi.json")).json()["paths"]["/deals"]["get"]["parameters"]
    schemas = {parameter["name"]: parameter["schema"] for parameter in parameters}
    defaults = {name: str(schema["default"]) for name, schema in schemas.items() if "default" in schema}
    assert [deal["external_id"] for deal in await follow_cursors(client, **defaults)] == list(range(1, 31))


@pytest.mark.parametrize(
    ("filters", "equal_filters"),
    [
        ({"city": "Toronto"}, {"city": "TORONTO"}),
        ({"city": ["Toronto", "Rome"]}, {"city": ["rome", "Toronto", "toronto"]}),
        ({"country": "Canada"}, {"country": " canada "}),
        ({"category": ["luxury", "beach"], "city": "Toronto"}, {"city": "toronto", "category": ["Beach", "LUXURY"]}),
        ({"room_type": "Deluxe"}, {"room_type": "deluxe"}),
        ({"price_min": "1", "available_only": "false"}, {"price_min": "1.00"}),
    ],
)
async def test_list_deals_cursor_is_valid_for_equal_filters(
    client: AsyncClient, session: AsyncSession, filters: dict[str, Any], equal_filters: dict[str, Any]
) -> None:
    luxury = CategoryFactory.build(name="luxury")
    session.add(luxury)
    for deal in await session.scalars(select(Deal).options(selectinload(Deal.categories))):
        deal.categories.append(luxury)
    await session.commit()
    cursor = (await get_page(client, limit=3, **filters))["next_cursor"]
    assert (await get_page(client, limit=100, cursor=cursor, **equal_filters))["items"] == (
        await get_page(client, limit=100, skip=3, **filters)
    )["items"]


async def test_list_deals_cursor_survives_a_restart(client: AsyncClient, database: Database) -> None:
    cursor = (await get_page(client, limit=3))["next_cursor"]
    database.cursor_key = None
    assert (await get_page(client, limit=3, cursor=cursor))["items"] == (await get_page(client, limit=3, skip=3))[
        "items"
    ]
