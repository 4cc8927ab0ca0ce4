"""Ten thousand deals with equal values in every sort key but the id."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from sqlalchemy import text

from app.config import Settings
from app.schemas.deals import DealSort
from tests.support.databases import TestServer
from tests.support.pagination import follow_cursors, get_ids
from tests.support.service import Service, open_service

_DEALS: Final = 10_000
_FILL: Final = (
    """
    INSERT INTO hotels (name, city, country, phone)
    SELECT 'Hotel ' || number, 'Rome', 'Italy', number FROM generate_series(1, 200) number
    """,
    """
    INSERT INTO deals (
        hotel_id, room_type, star_rating, price_per_night, original_price, discount_percent, checkin_date,
        checkout_date, created_at
    )
    SELECT hotels.id, 'Suite', 3, 99.99, 99.99, 0, '2026-03-01', '2026-03-02', '2026-01-01'
    FROM generate_series(1, 50), hotels
    """,
    "ANALYZE",
)


@pytest.fixture(scope="module")
async def service_with_equal_deals(server: TestServer, settings: Settings) -> AsyncIterator[Service]:
    with server.copy() as url:
        async with open_service(url, settings) as service:
            async with service.database.sessions.begin() as session:
                for statement in _FILL:
                    await session.execute(text(statement))
            yield service


@pytest.fixture(scope="module")
async def all_ids(service_with_equal_deals: Service) -> list[int]:
    async with service_with_equal_deals.database.sessions() as session:
        return list(await session.scalars(text("SELECT id FROM deals ORDER BY id")))


@pytest.mark.parametrize("sort", ["-price_per_night", "created_at"])
async def test_list_deals_by_cursor_returns_all_deals_with_equal_sort_keys(
    service_with_equal_deals: Service, all_ids: list[int], sort: str
) -> None:
    ids = get_ids([page async for page in follow_cursors(service_with_equal_deals, sort=sort, limit=100, count="none")])
    assert ids == (all_ids[::-1] if sort.startswith("-") else all_ids)
    assert len(ids) == _DEALS


@pytest.mark.parametrize("sort", [sort.value for sort in DealSort])
async def test_list_deals_by_cursor_from_the_middle_continues_in_every_sort(
    service_with_equal_deals: Service, all_ids: list[int], sort: str
) -> None:
    middle = await service_with_equal_deals.get("/deals", sort=sort, skip=_DEALS - 250, limit=100)
    remaining = follow_cursors(service_with_equal_deals, cursor=middle["next_cursor"], sort=sort, limit=100)
    ids = get_ids([middle, *[page async for page in remaining]])
    assert ids == (all_ids[::-1] if sort.startswith("-") else all_ids)[-250:]
