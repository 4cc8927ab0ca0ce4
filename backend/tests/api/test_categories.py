"""GET /categories, and how deals come to have categories."""

import asyncio

from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import CategoryFactory, DealFactory, HotelFactory
from tests.support.databases import OpenDatabase


async def test_every_category_is_counted(client: AsyncClient, session: AsyncSession) -> None:
    luxury, beach, empty = (CategoryFactory.build(name=name) for name in ("luxury", "beach", "empty"))
    hotel = HotelFactory.build()
    session.add_all([DealFactory.build(hotel=hotel, categories=[luxury, beach]), empty])
    session.add(DealFactory.build(hotel=hotel, categories=[luxury]))
    await session.commit()
    assert (await client.get("/categories")).json() == [
        {"name": "beach", "deal_count": 1},
        {"name": "empty", "deal_count": 0},
        {"name": "luxury", "deal_count": 2},
    ]


async def test_a_name_is_one_category_whatever_its_case(client: AsyncClient, session: AsyncSession) -> None:
    deal = DealFactory.build(categories=[CategoryFactory.build(name="luxury")])
    session.add(deal)
    await session.commit()
    answer = await client.patch(f"/deals/{deal.id}", json={"categories": ["LUXURY", "Luxury", " Spa ", "spa"]})
    assert sorted(name.lower() for name in answer.json()["categories"]) == ["luxury", "spa"]
    assert {row["name"].lower(): row["deal_count"] for row in (await client.get("/categories")).json()} == {
        "luxury": 1,
        "spa": 1,
    }


async def test_a_removed_deal_leaves_its_categories(client: AsyncClient, session: AsyncSession) -> None:
    deal = DealFactory.build(categories=[CategoryFactory.build(name="luxury")])
    session.add(deal)
    await session.commit()
    await client.delete(f"/deals/{deal.id}")
    assert (await client.get("/categories")).json() == [{"name": "luxury", "deal_count": 0}]


async def test_many_may_add_the_same_category_at_once(own_client: AsyncClient, own_database: OpenDatabase) -> None:
    async with own_database.sessions.begin() as session:
        deals = [DealFactory.build() for _ in range(8)]
        session.add_all(deals)
    names = ["spa", "golf", "ski"]
    changes = [
        own_client.patch(f"/deals/{deal.id}", json={"categories": names if number % 2 else names[::-1]})
        for number, deal in enumerate(deals)
    ]
    assert {answer.status_code for answer in await asyncio.gather(*changes)} == {200}
    counts = {row["name"]: row["deal_count"] for row in (await own_client.get("/categories")).json()}
    assert counts == dict.fromkeys(names, 8)
