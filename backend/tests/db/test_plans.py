"""Custom and generic plans of the service's statements with 200,000 deals."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from psycopg2.extensions import connection
from sqlalchemy import select

from app.db.statements import CompiledStatement
from app.repositories.deal_queries import list_deals_statement
from app.repositories.search.filters import bind_filters
from app.repositories.search.strategies import PageStart, exact_total
from app.schemas.deals import DealSort
from app.schemas.filters import DealFilters
from tests.support.databases import TestServer
from tests.support.many_deals import DEALS, RARE_DEALS, fill_with_many_deals

pytestmark = pytest.mark.slow

Node = dict[str, Any]

LIMIT: Final = 21
COVERING: Final = "ix_deals_hotel_id_star_rating_price_per_night"
MIDDLE: Final[Mapping[str, object]] = {
    "id": DEALS // 2,
    "price_per_night": Decimal("310.00"),
    "star_rating": 4,
    "discount_percent": 30,
    "checkin_date": date(2026, 7, 1),
    "created_at": datetime(2026, 6, 1, tzinfo=UTC),
}
COMMON: Final = {
    "city": DealFilters(city=["city 3"]),
    "stars": DealFilters(min_stars=4),
    "city and stars": DealFilters(city=["City 3"], min_stars=4),
    "category": DealFilters(category=["luxury"]),
}
RARE: Final = {
    "city": DealFilters(city=["smalltown"]),
    "unknown city": DealFilters(city=["Atlantis"]),
    "hotel": DealFilters(hotel_id=151),
    "category": DealFilters(category=["rare"]),
    "unknown category": DealFilters(category=["unheard of"]),
    "unknown room type": DealFilters(room_type="Igloo"),
    "city with a rare category": DealFilters(city=["City 3"], category=["rare"]),
    "rare city with a category": DealFilters(city=["Smalltown"], category=["luxury"]),
}
ROLLED_UP: Final = {
    "none": DealFilters(),
    "stars": DealFilters(min_stars=4),
    "city, stars and available": DealFilters(city=["City 3"], min_stars=4, available_only=True),
    "category": DealFilters(category=["luxury"]),
    "category and country": DealFilters(category=["luxury"], country="Country 3"),
}


@pytest.fixture(scope="module")
def catalogue(server: TestServer) -> Iterator[connection]:
    with server.copy() as url:
        database = fill_with_many_deals(url)
        yield database
        database.close()


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
def planner(request: pytest.FixtureRequest, catalogue: connection) -> connection:
    """The catalogue, forced to custom or to generic plans: PostgreSQL may choose either."""
    with catalogue.cursor() as cursor:
        cursor.execute(f"SET plan_cache_mode = {request.param}")
    return catalogue


def explain_analyze(
    database: connection, statement: CompiledStatement[Any], values: Mapping[str, object]
) -> list[Node]:
    """Execute the statement and return the nodes of its plan that were executed."""
    arguments = statement.bind(values)
    placeholders = f"({', '.join(['%s'] * len(arguments))})" if arguments else ""
    with database.cursor() as cursor:
        cursor.execute(f"PREPARE measured AS {statement.sql}")
        cursor.execute(
            f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) EXECUTE measured {placeholders}", arguments
        )
        plan = cursor.fetchone()[0][0]["Plan"]  # type: ignore[index]  # EXPLAIN returns a row
        cursor.execute("DEALLOCATE measured")
    return [node for node in _flatten(plan) if node["Actual Loops"]]


def _flatten(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("Plans", ()):
        yield from _flatten(child)


def get_max_sorted_rows(nodes: list[Node]) -> float:
    """Return the largest number of rows that one of the nodes sorts."""
    sorts = (node for node in nodes if "Sort" in node["Node Type"])
    return max((child["Actual Rows"] for node in sorts for child in node["Plans"]), default=0)


def get_scans(nodes: list[Node], table: str) -> list[Node]:
    return [node for node in nodes if node.get("Relation Name") == table]


def count_rows_read(nodes: list[Node]) -> float:
    """Count the rows of `deals` that were read, filtered ones included."""
    return sum(
        float((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in get_scans(nodes, "deals")
    )


def get_index_name(sort: DealSort) -> str:
    return "pk_deals" if sort.field == "id" else f"ix_deals_{sort.field}_id"


def build_page_statement(
    filters: DealFilters, sort: DealSort, *, start: PageStart
) -> tuple[CompiledStatement[Any], dict[str, object]]:
    bound = bind_filters(filters)
    statement = list_deals_statement(bound.key, sort, start=start, limit=LIMIT, with_total=False)
    return statement, bound.values | {"after_key": MIDDLE[sort.field], "after_id": MIDDLE["id"]}


@pytest.mark.parametrize("start", ["first", "after"])
@pytest.mark.parametrize("sort", DealSort)
def test_unfiltered_page_is_read_from_the_sort_index(planner: connection, sort: DealSort, start: PageStart) -> None:
    nodes = explain_analyze(planner, *build_page_statement(DealFilters(), sort, start=start))
    assert [node.get("Index Name") for node in get_scans(nodes, "deals")] == [get_index_name(sort)]
    assert count_rows_read(nodes) == LIMIT
    assert get_max_sorted_rows(nodes) <= LIMIT


@pytest.mark.parametrize("start", ["first", "after"])
@pytest.mark.parametrize("filters", COMMON.values(), ids=COMMON)
@pytest.mark.parametrize("sort", DealSort)
def test_filtered_index_scan_stops_when_the_page_is_full(
    planner: connection, sort: DealSort, filters: DealFilters, start: PageStart
) -> None:
    nodes = explain_analyze(planner, *build_page_statement(filters, sort, start=start))
    index_scan, lookup = get_scans(nodes, "deals")
    assert {index_scan["Index Name"], lookup["Index Name"]} == {get_index_name(sort), "pk_deals"}
    assert sort.field == "id" or index_scan["Node Type"] == "Index Only Scan"
    assert count_rows_read(nodes) < 5000
    assert get_max_sorted_rows(nodes) <= LIMIT


@pytest.mark.parametrize("filters", RARE.values(), ids=RARE)
@pytest.mark.parametrize("sort", DealSort)
def test_rare_matches_are_collected_without_reading_other_deals(
    planner: connection, sort: DealSort, filters: DealFilters
) -> None:
    nodes = explain_analyze(planner, *build_page_statement(filters, sort, start="first"))
    assert count_rows_read(nodes) <= 2 * RARE_DEALS


@pytest.mark.parametrize("filters", ROLLED_UP.values(), ids=ROLLED_UP)
def test_total_is_summed_from_the_rollups(planner: connection, filters: DealFilters) -> None:
    bound = bind_filters(filters)
    nodes = explain_analyze(planner, CompiledStatement(select(exact_total(bound.key))), bound.values)
    assert not get_scans(nodes, "deals")
    assert not get_scans(nodes, "deal_categories")


def test_total_with_a_price_range_uses_an_index_only_scan(planner: connection) -> None:
    filters = DealFilters(city=["City 3"], min_stars=4, price_min=Decimal(50), price_max=Decimal(150))
    bound = bind_filters(filters)
    nodes = explain_analyze(planner, CompiledStatement(select(exact_total(bound.key))), bound.values)
    assert [(node["Node Type"], node["Index Name"]) for node in get_scans(nodes, "deals")] == [
        ("Index Only Scan", COVERING)
    ]
