"""Filters mean the same on every endpoint, and the same as in the file: all counts and sums agree."""

from decimal import Decimal
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from app.schemas.hotels import HotelSort
from tests.support.filter_sets import FilterSet, as_query
from tests.support.hypothesis_settings import examples
from tests.support.pagination import along_cursors, by_skipping
from tests.support.sample_catalogue import FILTERS, Sample, average

_NUMERIC_SORTS: Final = [sort for sort in HotelSort if sort.field != "name"]


@examples(40)
@given(filters=FILTERS)
async def test_deals_and_stats_agree_with_the_file(sample: Sample, filters: FilterSet) -> None:
    filters = {"available_only": False, **filters}
    matching, query = sample.matching(filters), as_query(filters, hotel_ids=sample.hotel_ids)
    total = (await sample.service.get("/deals", limit=1, **query))["total"]
    stats = await sample.service.get("/deals/stats", **query)
    assert len(matching) == total == sum(city["deal_count"] for city in stats)
    assert len(stats) == matching["hotel_city"].nunique()
    assert {city["city"]: (city["deal_count"], city["avg_price"]) for city in stats} == {
        city: (len(deals), average(deals["cents"], unit=100)) for city, deals in matching.groupby("hotel_city")
    }


@examples(30)
@given(filters=FILTERS, sort=st.sampled_from(_NUMERIC_SORTS))
async def test_hotels_agree_with_the_file_and_with_the_deals(
    sample: Sample, filters: FilterSet, sort: HotelSort
) -> None:
    matching, query = sample.matching(filters), as_query(filters, hotel_ids=sample.hotel_ids)
    pages = [page async for page in by_skipping(sample.service, "/hotels", limit=100, sort=sort.value, **query)]
    hotels = [hotel for page in pages for hotel in page["items"]]
    assert {page["total"] for page in pages} == {len(hotels)}
    assert len(hotels) == matching["hotel_phone"].nunique()
    assert {each["phone"]: (each["deal_count"], each["min_price"], each["avg_star_rating"]) for each in hotels} == {
        phone: (len(deals), Decimal(int(deals["cents"].min())) / 100, sample.average_stars[str(phone)])
        for phone, deals in matching.groupby("hotel_phone")
    }
    keys = [(hotel[sort.field], hotel["id"]) for hotel in hotels]
    assert keys == sorted(keys, reverse=sort.is_descending)
    total = (await sample.service.get("/deals", limit=1, **query))["total"]
    assert total == sum(hotel["deal_count"] for hotel in hotels)


async def test_stats_count_what_can_be_booked_unless_told_otherwise(sample: Sample) -> None:
    booked = await sample.service.get("/deals/stats", available_only="true")
    assert await sample.service.get("/deals/stats") == booked
    assert sum(city["deal_count"] for city in booked) == len(sample.matching({"available_only": True}))


async def test_categories_agree_with_the_file(sample: Sample) -> None:
    sizes = {each["name"]: each["deal_count"] for each in await sample.service.get("/categories")}
    named = sample.frame["categories"].str.split(",").explode()
    assert sizes == named[named != ""].value_counts().to_dict()


async def test_the_readmes_search_finds_the_deals_of_the_file(sample: Sample) -> None:
    query: FilterSet = {"city": "toronto", "min_stars": 4, "price_min": 50, "price_max": 150}
    pages = [page async for page in along_cursors(sample.service, limit=100, **query)]
    found = [deal for page in pages for deal in page["items"]]
    matching = sample.matching({**query, "city": ["toronto"]})
    assert {page["total"] for page in pages} == {len(found)} == {len(matching)}
    assert {(deal["external_id"], deal["price_per_night"]) for deal in found} == {
        (external_id, Decimal(price)) for external_id, price in zip(matching["id"], matching["price"], strict=True)
    }
    assert found
