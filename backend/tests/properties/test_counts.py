"""Filters have the same meaning on every endpoint and in the file: all counts and sums agree."""

from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.schemas.hotels import HotelSort
from tests.support.filter_sets import FilterSet, to_query
from tests.support.hypothesis_settings import examples
from tests.support.pagination import follow_cursors, skip_through
from tests.support.sample_catalogue import FILTERS, Sample, compute_average

pytestmark = pytest.mark.slow

_NUMERIC_SORTS: Final = [sort for sort in HotelSort if sort.field != "name"]


@examples(40)
@given(filters=FILTERS)
async def test_list_deals_and_stats_agree_with_the_file(sample: Sample, filters: FilterSet) -> None:
    filters = {"available_only": False, **filters}
    matching, query = sample.filter(filters), to_query(filters, hotel_ids=sample.hotel_ids)
    total = (await sample.service.get("/deals", limit=1, **query))["total"]
    stats = await sample.service.get("/deals/stats", **query)
    assert len(matching) == total == sum(city["deal_count"] for city in stats)
    assert len(stats) == matching["hotel_city"].nunique()
    assert {city["city"]: (city["deal_count"], city["avg_price"]) for city in stats} == {
        city: (len(deals), compute_average(deals["cents"], unit=100)) for city, deals in matching.groupby("hotel_city")
    }


@examples(30)
@given(filters=FILTERS, sort=st.sampled_from(_NUMERIC_SORTS))
async def test_list_hotels_agrees_with_the_file_and_the_deals(
    sample: Sample, filters: FilterSet, sort: HotelSort
) -> None:
    matching, query = sample.filter(filters), to_query(filters, hotel_ids=sample.hotel_ids)
    pages = [page async for page in skip_through(sample.service, "/hotels", limit=100, sort=sort.value, **query)]
    hotels = [hotel for page in pages for hotel in page["items"]]
    assert {page["total"] for page in pages} == {len(hotels)}
    assert len(hotels) == matching["hotel_phone"].nunique()
    assert {
        hotel["phone"]: (hotel["deal_count"], hotel["min_price"], hotel["avg_star_rating"]) for hotel in hotels
    } == {
        phone: (len(deals), Decimal(int(deals["cents"].min())) / 100, sample.average_stars[str(phone)])
        for phone, deals in matching.groupby("hotel_phone")
    }
    keys = [(hotel[sort.field], hotel["id"]) for hotel in hotels]
    assert keys == sorted(keys, reverse=sort.is_descending)
    total = (await sample.service.get("/deals", limit=1, **query))["total"]
    assert total == sum(hotel["deal_count"] for hotel in hotels)


async def test_get_deal_stats_counts_available_deals_by_default(sample: Sample) -> None:
    available = await sample.service.get("/deals/stats", available_only="true")
    assert await sample.service.get("/deals/stats") == available
    assert sum(city["deal_count"] for city in available) == len(sample.filter({"available_only": True}))


async def test_list_categories_agrees_with_the_file(sample: Sample) -> None:
    counts = {category["name"]: category["deal_count"] for category in await sample.service.get("/categories")}
    names = sample.frame["categories"].str.split(",").explode()
    assert counts == names[names != ""].value_counts().to_dict()


async def test_list_deals_with_the_readme_search_returns_the_deals_of_the_file(sample: Sample) -> None:
    query: FilterSet = {"city": "toronto", "min_stars": 4, "price_min": 50, "price_max": 150}
    pages = [page async for page in follow_cursors(sample.service, limit=100, **query)]
    deals = [deal for page in pages for deal in page["items"]]
    matching = sample.filter({**query, "city": ["toronto"]})
    assert {page["total"] for page in pages} == {len(deals)} == {len(matching)}
    assert {(deal["external_id"], deal["price_per_night"]) for deal in deals} == {
        (external_id, Decimal(price)) for external_id, price in zip(matching["id"], matching["price"], strict=True)
    }
    assert deals
