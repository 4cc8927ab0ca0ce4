"""Steps that write: requests of clients, an import, and a transaction that is rolled back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

from httpx import Response
from hypothesis import strategies as st
from sqlalchemy import text

from app.db.urls import libpq_url
from app.importer.pipeline import load_deals
from tests.support.deal_bodies import PLAIN_DEAL, Body
from tests.support.deal_files import Row, row, write_rows
from tests.support.import_catalogue import ignore_progress
from tests.support.service import Service

CITIES: Final = ("Toronto", "Rome")
CATEGORIES: Final = ("beach", "family", "luxury")
_UNKNOWN_ID: Final = 2**62
_ROLLED_BACK_STATEMENTS: Final = (
    "UPDATE deals SET star_rating = 4 - star_rating, price_per_night = price_per_night + id",
    "DELETE FROM deal_categories WHERE deal_id % 2 = 0",
    "DELETE FROM deals WHERE id % 3 = 0",
)


def build_hotel(number: int) -> Body:
    """Build the body of hotel `number`; the same number gives the same hotel."""
    city = CITIES[number % len(CITIES)]
    return {"name": f"Hotel {number}", "city": city, "country": f"Land of {city}", "phone": f"+1-416-555-000{number}"}


class Step(Protocol):
    """A write. Client errors are accepted, server errors fail the test."""

    async def run(self, service: Service) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """A request for the deal or hotel at `index`, which wraps around the existing ids and an unknown one."""

    method: str
    collection: str
    index: int
    body: Mapping[str, Any]
    hotel_index: int | None = None

    async def run(self, service: Service) -> None:
        path = f"/{self.collection}"
        if self.method != "POST":
            path += f"/{await _get_id(service, self.collection, self.index)}"
        body = dict(self.body)
        if self.hotel_index is not None:
            body["hotel_id"] = await _get_id(service, "hotels", self.hotel_index)
        response = await service.send(self.method, path, body)
        assert response.status_code < 500, response.text


@dataclass(frozen=True, slots=True)
class Import:
    rows: Sequence[Row]

    async def run(self, service: Service) -> None:
        import_rows(service, self.rows)


@dataclass(frozen=True, slots=True)
class RolledBackTransaction:
    """A transaction that is rolled back after it has written to every table of deals."""

    async def run(self, service: Service) -> None:
        async with service.database.sessions() as session:
            for statement in _ROLLED_BACK_STATEMENTS:
                await session.execute(text(statement))
            await session.rollback()


def import_rows(service: Service, rows: Sequence[Row]) -> Response:
    """Import the valid rows of a file; the response stands for success."""
    with TemporaryDirectory() as folder:
        file = write_rows(Path(folder) / "deals.csv", *rows)
        load_deals(file, dsn=libpq_url(service.url), progress=ignore_progress, partial=True)
    return Response(200)


def build_row(number: int, **cells: str) -> Row:
    """Build a valid row of hotel `number`, with `cells` replaced."""
    return row(**{f"hotel_{name}": value for name, value in build_hotel(number).items()}, **cells)


async def _get_id(service: Service, collection: str, index: int) -> int:
    async with service.database.sessions() as session:
        ids: list[int] = list(await session.scalars(text(f"SELECT id FROM {collection} ORDER BY id")))  # noqa: S608  a table name of this file
    return [*ids, _UNKNOWN_ID][index % (len(ids) + 1)]


_INDEXES: Final = st.integers(0, 20)
_FIELDS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "star_rating": st.integers(1, 3),
    "price_per_night": st.sampled_from([Decimal("0.01"), Decimal("99.99"), Decimal(100)]),
    "is_available": st.booleans(),
    "categories": st.lists(st.sampled_from(CATEGORIES), max_size=3),
    "external_id": st.none() | st.integers(1, 4),
    "room_type": st.sampled_from(["Suite", "Single"]),
    "checkout_date": st.sampled_from([date(2026, 3, 9), date(2026, 2, 1)]),  # the second is before the check-in
}
_HOTEL_FIELDS: Final = {
    "city": st.sampled_from(CITIES),
    "phone": st.integers(0, 4).map(lambda n: build_hotel(n)["phone"]),
}


def _requests(
    method: str, collection: str, body: st.SearchStrategy[Body], *, changes_hotel: bool = False
) -> st.SearchStrategy[Step]:
    hotel_index = st.none() | _INDEXES if changes_hotel else st.none()
    return st.builds(Request, st.just(method), st.just(collection), _INDEXES, body, hotel_index)


_EMPTY_BODY: Final[st.SearchStrategy[Body]] = st.just({})
_DEALS: Final = st.fixed_dictionaries(dict(_FIELDS)).map(PLAIN_DEAL.__or__)
_ROWS: Final = st.builds(
    build_row,
    st.integers(0, 4),
    id=st.integers(1, 6).map(str),
    hotel_star_rating=st.integers(1, 3).map(str),
    price_per_night=st.sampled_from(["0.01", "99.99", "100.00", "free"]),
    is_available=st.booleans().map(str),
    categories=st.lists(st.sampled_from(CATEGORIES), max_size=3).map(",".join),
)
STEPS: Final[st.SearchStrategy[Step]] = st.one_of(
    st.builds(Request, st.just("POST"), st.just("deals"), _INDEXES, _DEALS, _INDEXES),
    _requests("PATCH", "deals", st.fixed_dictionaries({}, optional=dict(_FIELDS)), changes_hotel=True),
    _requests("DELETE", "deals", _EMPTY_BODY),
    _requests("POST", "hotels", st.integers(0, 4).map(build_hotel)),
    _requests("PATCH", "hotels", st.fixed_dictionaries({}, optional=dict(_HOTEL_FIELDS))),
    _requests("DELETE", "hotels", _EMPTY_BODY),
    st.builds(Import, st.lists(_ROWS, min_size=1, max_size=6)),
    st.builds(RolledBackTransaction),
)
