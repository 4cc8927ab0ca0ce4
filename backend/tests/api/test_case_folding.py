"""Case does not count in filters, statistics, categories and cursors, by the same rules everywhere."""

import unicodedata

import pytest
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.schemas.filters import DealFilters
from tests.factories import CategoryFactory, DealFactory, HotelFactory
from tests.support.case_spellings import SPELLINGS

DEAL = {
    "room_type": "Suite",
    "star_rating": 5,
    "price_per_night": 90,
    "original_price": 100,
    "discount_percent": 10,
    "checkin_date": "2026-03-01",
    "checkout_date": "2026-03-02",
}


@pytest.mark.parametrize(("stored", "searched"), SPELLINGS)
async def test_every_filter_ignores_case(
    client: AsyncClient, session: AsyncSession, stored: str, searched: str
) -> None:
    for name in (stored, searched):
        hotel = HotelFactory.build(city=name, country=name)
        session.add(DealFactory.build(hotel=hotel, room_type=name))
    session.add(DealFactory.build(room_type=stored, categories=[CategoryFactory.build(name=stored)]))
    await session.commit()
    expected = {"city": 2, "country": 2, "room_type": 3, "category": 1}
    for name, total in expected.items():
        for values in ([searched], [stored], [searched, "x"], [searched, stored]):
            if len(values) == 1 or name in {"city", "category"}:
                page = (await client.get("/deals", params={name: values, "limit": 1})).json()
                assert page["total"] == total, (name, values)
        cursor = (await client.get("/deals", params={name: stored, "limit": 1})).json()["next_cursor"]
        if cursor is not None:
            response = await client.get("/deals", params={name: searched, "cursor": cursor})
            assert len(response.json()["items"]) == total - 1
    stats = (await client.get("/deals/stats", params={"city": searched})).json()
    assert [row["deal_count"] for row in stats] == [2]


@pytest.mark.parametrize(("stored", "searched"), SPELLINGS)
async def test_names_of_categories_are_unique_ignoring_case(
    client: AsyncClient, session: AsyncSession, stored: str, searched: str
) -> None:
    hotel = HotelFactory.build()
    session.add(hotel)
    await session.commit()
    for names in ([stored], [searched], [searched, stored]):
        response = await client.post("/deals", json={**DEAL, "hotel_id": hotel.id, "categories": names})
        assert response.json()["categories"] == [stored], names


async def test_cursor_ignores_every_difference_that_the_database_ignores(session: AsyncSession) -> None:
    characters = await session.execute(
        text(
            "SELECT chr(n), upper(lower(chr(n))) FROM generate_series(161, 195101) AS n"
            " WHERE n NOT BETWEEN 55296 AND 57343 AND upper(lower(chr(n))) <> chr(n) AND chr(n) IS NFC NORMALIZED"
        )
    )
    # PostgreSQL's version of Unicode may have letters that Python's does not know yet.
    pairs = [(character, folded) for character, folded in characters if unicodedata.category(folded) != "Cn"]
    assert len(pairs) > 1000
    for character, folded in pairs:
        first, second = (DealFilters(city=[f"a{name}b"]).filter_fingerprint for name in (character, folded))
        assert first == second, ascii(character)
