"""The plans of the service's own statements at 1,000,000 deals, made for known values and made for any."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from psycopg2.extensions import connection
from sqlalchemy import select

from app.db.statements import CompiledStatement
from app.repositories.deal_queries import list_deals_statement
from app.repositories.search.filters import BoundFilters
from app.repositories.search.strategies import Start
from app.repositories.search.totals import exact_total
from app.schemas.deals import DealSort
from app.schemas.filters import DealFilters
from tests.support.databases import TestServer
from tests.support.million_deals import FEW, million_deals

Node = dict[str, Any]

LIMIT: Final = 21
COVERING: Final = "ix_deals_hotel_id_star_rating_price_per_night"
MIDDLE: Final[Mapping[str, object]] = {
    "id": 500_000,
    "price_per_night": Decimal("310.00"),
    "star_rating": 4,
    "discount_percent": 30,
    "checkin_date": date(2026, 7, 1),
    "created_at": datetime(2026, 6, 1, tzinfo=UTC),
}
MANY: Final = {
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
        database = million_deals(url)
        yield database
        database.close()


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
def planner(request: pytest.FixtureRequest, catalogue: connection) -> connection:
    """The catalogue, to plan for known values or for any: PostgreSQL itself chooses between the two."""
    with catalogue.cursor() as cursor:
        cursor.execute(f"SET plan_cache_mode = {request.param}")
    return catalogue


def nodes_of(database: connection, question: CompiledStatement[Any], values: Mapping[str, object]) -> list[Node]:
    """What is really done to answer the question: the nodes of its plan that were run."""
    arguments = question.bind(values)
    given = f"({', '.join(['%s'] * len(arguments))})" if arguments else ""
    with database.cursor() as cursor:
        cursor.execute(f"PREPARE asked AS {question.sql}")
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) EXECUTE asked {given}", arguments)
        plan = cursor.fetchone()[0][0]["Plan"]  # type: ignore[index]  # EXPLAIN has an answer
        cursor.execute("DEALLOCATE asked")
    return [node for node in _flat(plan) if node["Actual Loops"]]


def _flat(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("Plans", ()):
        yield from _flat(child)


def sorted_rows(nodes: list[Node]) -> float:
    """The most rows that a node of these sorts at once."""
    sorts = (node for node in nodes if "Sort" in node["Node Type"])
    return max((child["Actual Rows"] for node in sorts for child in node["Plans"]), default=0)


def touched(nodes: list[Node], table: str) -> list[Node]:
    return [node for node in nodes if node.get("Relation Name") == table]


def read_rows(nodes: list[Node]) -> float:
    """How many rows of the deals are looked at."""
    return sum(
        float((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in touched(nodes, "deals")
    )


def index_of(sort: DealSort) -> str:
    return "pk_deals" if sort.field == "id" else f"ix_deals_{sort.field}_id"


def page(filters: DealFilters, sort: DealSort, *, start: Start) -> tuple[CompiledStatement[Any], dict[str, object]]:
    given = BoundFilters.by(filters)
    question = list_deals_statement(given.shape, sort, start=start, limit=LIMIT, with_total=False)
    return question, given.values | {"after_key": MIDDLE[sort.field], "after_id": MIDDLE["id"]}


@pytest.mark.parametrize("start", ["first", "after"])
@pytest.mark.parametrize("sort", DealSort)
def test_a_walk_reads_its_page_from_the_index_of_the_sort(planner: connection, sort: DealSort, start: Start) -> None:
    nodes = nodes_of(planner, *page(DealFilters(), sort, start=start))
    assert [node.get("Index Name") for node in touched(nodes, "deals")] == [index_of(sort)]
    assert read_rows(nodes) == LIMIT
    assert sorted_rows(nodes) <= LIMIT


@pytest.mark.parametrize("start", ["first", "after"])
@pytest.mark.parametrize("filters", MANY.values(), ids=MANY)
@pytest.mark.parametrize("sort", DealSort)
def test_a_filtered_walk_stops_when_the_page_is_full(
    planner: connection, sort: DealSort, filters: DealFilters, start: Start
) -> None:
    nodes = nodes_of(planner, *page(filters, sort, start=start))
    walked, shown = touched(nodes, "deals")
    assert {walked["Index Name"], shown["Index Name"]} == {index_of(sort), "pk_deals"}
    assert sort.field == "id" or walked["Node Type"] == "Index Only Scan"
    assert read_rows(nodes) < 5000
    assert sorted_rows(nodes) <= LIMIT


@pytest.mark.parametrize("filters", RARE.values(), ids=RARE)
@pytest.mark.parametrize("sort", DealSort)
def test_few_deals_are_gathered_and_no_others_looked_at(
    planner: connection, sort: DealSort, filters: DealFilters
) -> None:
    nodes = nodes_of(planner, *page(filters, sort, start="first"))
    assert read_rows(nodes) <= 2 * FEW


@pytest.mark.parametrize("filters", ROLLED_UP.values(), ids=ROLLED_UP)
def test_what_the_rollups_know_is_not_counted(planner: connection, filters: DealFilters) -> None:
    given = BoundFilters.by(filters)
    nodes = nodes_of(planner, CompiledStatement(select(exact_total(given.shape))), given.values)
    assert not touched(nodes, "deals")
    assert not touched(nodes, "deal_categories")


def test_deals_of_a_city_at_a_price_are_counted_in_an_index(planner: connection) -> None:
    filters = DealFilters(city=["City 3"], min_stars=4, price_min=Decimal(50), price_max=Decimal(150))
    given = BoundFilters.by(filters)
    nodes = nodes_of(planner, CompiledStatement(select(exact_total(given.shape))), given.values)
    assert [(node["Node Type"], node["Index Name"]) for node in touched(nodes, "deals")] == [
        ("Index Only Scan", COVERING)
    ]
