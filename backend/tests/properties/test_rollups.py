"""After any writes, the rollups and the responses based on them match the deals."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from tests.support.deal_bodies import Body
from tests.support.filter_sets import FilterSet, to_query
from tests.support.hypothesis_settings import examples
from tests.support.rollups import find_mismatches
from tests.support.service import Service
from tests.support.writing_steps import CATEGORIES, CITIES, STEPS, Step, build_hotel

_DEALS: Final = """
    SELECT hotel_id, city, country, star_rating, is_available, price_per_night, ARRAY(
        SELECT name FROM deal_categories JOIN categories ON categories.id = category_id WHERE deal_id = deals.id
    ) AS categories
    FROM deals JOIN hotels ON hotels.id = hotel_id
"""
_FILTERS: Final = st.fixed_dictionaries(
    {"available_only": st.booleans()},
    optional={
        "city": st.lists(st.sampled_from(CITIES), min_size=1, max_size=2, unique=True),
        "country": st.sampled_from([build_hotel(0)["country"], build_hotel(1)["country"]]),
        "min_stars": st.integers(1, 3),
        "hotel_id": st.integers(1, 3),
        "category": st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=2, unique=True),
        "price_min": st.just(Decimal("99.99")),
    },
)
_CENT: Final = Decimal("0.01")


@examples(120)
@given(steps=st.lists(STEPS, max_size=25), filters=_FILTERS)
async def test_rollups_and_responses_match_the_deals_after_any_writes(
    service: Service, steps: Sequence[Step], filters: FilterSet
) -> None:
    await service.empty()
    for number in range(3):
        await service.create("/hotels", build_hotel(number))
    for step in steps:
        await step.run(service)
        assert await find_mismatches(service) == [], step
    await _assert_responses(service, filters)
    await _assert_responses(service, {"available_only": False})


async def _assert_responses(service: Service, filters: FilterSet) -> None:
    async with service.database.sessions() as session:
        deals = [dict(row) for row in (await session.execute(text(_DEALS))).mappings()]
        ids = list(await session.scalars(text("SELECT id FROM hotels ORDER BY id")))
    query = to_query(filters, hotel_ids=[*ids, 7, 8, 9])
    hotel_id = {"hotel_id": int(query["hotel_id"])} if "hotel_id" in query else {}
    matching = [deal for deal in deals if _matches(deal, {**filters, **hotel_id})]
    assert (await service.get("/deals", limit=1, **query))["total"] == len(matching)
    assert await service.get("/deals/stats", sort="city", **query) == [
        {"city": city, "avg_price": _compute_average(prices), "deal_count": len(prices)}
        for city in sorted({deal["city"] for deal in matching})
        if (prices := [deal["price_per_night"] for deal in matching if deal["city"] == city])
    ]
    hotels = await service.get("/hotels", limit=100, **query)
    assert hotels["total"] == len(hotels["items"])
    stars = {id_: [deal["star_rating"] for deal in deals if deal["hotel_id"] == id_] for id_ in ids}
    assert {
        hotel["id"]: (hotel["deal_count"], hotel["min_price"], hotel["avg_star_rating"]) for hotel in hotels["items"]
    } == {
        id_: (len(prices), min(prices), _compute_average(stars[id_]))
        for id_ in ids
        if (prices := [deal["price_per_night"] for deal in matching if deal["hotel_id"] == id_])
    }
    counts = {category["name"]: category["deal_count"] for category in await service.get("/categories")}
    assert counts == {name: sum(name in deal["categories"] for deal in deals) for name in counts}


def _matches(deal: Body, filters: FilterSet) -> bool:
    return (
        deal["city"] in filters.get("city", CITIES)
        and deal["country"] == filters.get("country", deal["country"])
        and deal["star_rating"] >= filters.get("min_stars", 1)
        and deal["hotel_id"] == filters.get("hotel_id", deal["hotel_id"])
        and deal["price_per_night"] >= filters.get("price_min", 0)
        and bool({*deal["categories"]} & {*filters["category"]} if "category" in filters else True)
        and (deal["is_available"] or not filters["available_only"])
    )


def _compute_average(values: Sequence[Any]) -> Decimal:
    return (Decimal(sum(values)) / len(values)).quantize(_CENT, ROUND_HALF_UP)
