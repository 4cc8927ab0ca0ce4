"""GET /categories, and the categories of written deals."""

import asyncio

from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.session import ConnectedDatabase
from tests.factories import CategoryFactory, DealFactory, HotelFactory


async def test_list_categories_counts_deals_of_each(client: AsyncClient, session: AsyncSession) -> None:
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


async def test_patch_deal_matches_category_names_in_any_case(client: AsyncClient, session: AsyncSession) -> None:
    deal = DealFactory.build(categories=[CategoryFactory.build(name="luxury")])
    session.add(deal)
    await session.commit()
    response = await client.patch(f"/deals/{deal.id}", json={"categories": ["LUXURY", "Luxury", " Spa ", "spa"]})
    assert sorted(name.lower() for name in response.json()["categories"]) == ["luxury", "spa"]
    assert {
        category["name"].lower(): category["deal_count"] for category in (await client.get("/categories")).json()
    } == {
        "luxury": 1,
        "spa": 1,
    }


async def test_delete_deal_leaves_its_categories(client: AsyncClient, session: AsyncSession) -> None:
    deal = DealFactory.build(categories=[CategoryFactory.build(name="luxury")])
    session.add(deal)
    await session.commit()
    await client.delete(f"/deals/{deal.id}")
    assert (await client.get("/categories")).json() == [{"name": "luxury", "deal_count": 0}]


async def test_concurrent_patch_deals_may_add_the_same_categories(
    own_client: AsyncClient, own_database: ConnectedDatabase
) -> None:
    async with own_database.sessions.begin() as session:
        deals = [DealFactory.build() for _ in range(8)]
        session.add_all(deals)
    names = ["spa", "golf", "ski"]
    requests = [
        own_client.patch(f"/deals/{deal.id}", json={"categories": names if number % 2 else names[::-1]})
        for number, deal in enumerate(deals)
    ]
    assert {response.status_code for response in await asyncio.gather(*requests)} == {200}
    counts = {category["name"]: category["deal_count"] for category in (await own_client.get("/categories")).json()}
    assert counts == dict.fromkeys(names, 8)
