"""Ten thousand deals that no sort but the one by id tells apart."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from sqlalchemy import text

from app.config import Settings
from app.schemas.deals import DealSort
from tests.support.databases import TestServer
from tests.support.pagination import along_cursors, ids
from tests.support.service import Service

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
async def crowd(server: TestServer, settings: Settings) -> AsyncIterator[Service]:
    with server.copy() as url:
        async with Service.on(url, settings) as service:
            async with service.database.sessions.begin() as session:
                for statement in _FILL:
                    await session.execute(text(statement))
            yield service


@pytest.fixture(scope="module")
async def all_ids(crowd: Service) -> list[int]:
    async with crowd.database.sessions() as session:
        return list(await session.scalars(text("SELECT id FROM deals ORDER BY id")))


@pytest.mark.parametrize("sort", ["-price_per_night", "created_at"])
async def test_a_walk_sees_all_of_them(crowd: Service, all_ids: list[int], sort: str) -> None:
    walked = ids([page async for page in along_cursors(crowd, sort=sort, limit=100, count="none")])
    assert walked == (all_ids[::-1] if sort.startswith("-") else all_ids)
    assert len(walked) == _DEALS


@pytest.mark.parametrize("sort", [sort.value for sort in DealSort])
async def test_a_walk_from_the_middle_goes_on_in_the_order_of_every_sort(
    crowd: Service, all_ids: list[int], sort: str
) -> None:
    middle = await crowd.get("/deals", sort=sort, skip=_DEALS - 250, limit=100)
    rest = along_cursors(crowd, cursor=middle["next_cursor"], sort=sort, limit=100)
    walked = ids([middle, *[page async for page in rest]])
    assert walked == (all_ids[::-1] if sort.startswith("-") else all_ids)[-250:]
