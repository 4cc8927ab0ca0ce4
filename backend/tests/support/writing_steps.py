"""Steps that write: whatever a client may ask for, an import, and a transaction that is undone."""

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
from tests.support.databases import text_of
from tests.support.deal_bodies import PLAIN_DEAL, Body
from tests.support.deal_files import Row, row, write_rows
from tests.support.import_catalogue import ignore_progress
from tests.support.service import Service

CITIES: Final = ("Toronto", "Rome")
CATEGORIES: Final = ("beach", "family", "luxury")
_NOBODY: Final = 2**62
_UNDONE: Final = (
    "UPDATE deals SET star_rating = 4 - star_rating, price_per_night = price_per_night + id",
    "DELETE FROM deal_categories WHERE deal_id % 2 = 0",
    "DELETE FROM deals WHERE id % 3 = 0",
)


def hotel(number: int) -> Body:
    """The same hotel for the same number."""
    city = CITIES[number % len(CITIES)]
    return {"name": f"Hotel {number}", "city": city, "country": f"Land of {city}", "phone": f"+1-416-555-000{number}"}


class Step(Protocol):
    """Fails if the service does; a refusal is as good as a success."""

    async def take(self, service: Service) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """For the deal or hotel at a place among those that are there, or for none that is there."""

    method: str
    noun: str
    place: int
    body: Mapping[str, Any]
    home: int | None = None

    async def take(self, service: Service) -> None:
        path = f"/{self.noun}"
        if self.method != "POST":
            path += f"/{await _at(service, self.noun, self.place)}"
        body = dict(self.body)
        if self.home is not None:
            body["hotel_id"] = await _at(service, "hotels", self.home)
        answer = await service.send(self.method, path, body)
        assert answer.status_code < 500, answer.text


@dataclass(frozen=True, slots=True)
class Import:
    rows: Sequence[Row]

    async def take(self, service: Service) -> None:
        imported(service, self.rows)


@dataclass(frozen=True, slots=True)
class Undone:
    """A transaction that is rolled back after it has written to every table of deals."""

    async def take(self, service: Service) -> None:
        async with service.database.sessions() as session:
            for statement in _UNDONE:
                await session.execute(text(statement))
            await session.rollback()


def imported(service: Service, rows: Sequence[Row]) -> Response:
    """The rows of a file that are good are brought in; the answer is what a client would call a success."""
    with TemporaryDirectory() as folder:
        file = write_rows(Path(folder) / "deals.csv", *rows)
        load_deals(file, dsn=libpq_url(text_of(service.database.engine.url)), progress=ignore_progress, partial=True)
    return Response(200)


def file_row(number: int, **cells: str) -> Row:
    """A good row of the hotel with that number, except for `cells`."""
    return row(**{f"hotel_{name}": value for name, value in hotel(number).items()}, **cells)


async def _at(service: Service, noun: str, place: int) -> int:
    async with service.database.sessions() as session:
        ids: list[int] = list(await session.scalars(text(f"SELECT id FROM {noun} ORDER BY id")))  # noqa: S608  a noun of this file
    return [*ids, _NOBODY][place % (len(ids) + 1)]


_PLACES: Final = st.integers(0, 20)
_FIELDS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "star_rating": st.integers(1, 3),
    "price_per_night": st.sampled_from([Decimal("0.01"), Decimal("99.99"), Decimal(100)]),
    "is_available": st.booleans(),
    "categories": st.lists(st.sampled_from(CATEGORIES), max_size=3),
    "external_id": st.none() | st.integers(1, 4),
    "room_type": st.sampled_from(["Suite", "Single"]),
    "checkout_date": st.sampled_from([date(2026, 3, 9), date(2026, 2, 1)]),  # the second is before it begins
}
_HOTEL_FIELDS: Final = {"city": st.sampled_from(CITIES), "phone": st.integers(0, 4).map(lambda n: hotel(n)["phone"])}


def _requests(method: str, noun: str, body: st.SearchStrategy[Body], *, moves: bool = False) -> st.SearchStrategy[Step]:
    home = st.none() | _PLACES if moves else st.none()
    return st.builds(Request, st.just(method), st.just(noun), _PLACES, body, home)


_NOTHING: Final[st.SearchStrategy[Body]] = st.just({})
_DEALS: Final = st.fixed_dictionaries(dict(_FIELDS)).map(PLAIN_DEAL.__or__)
_ROWS: Final = st.builds(
    file_row,
    st.integers(0, 4),
    id=st.integers(1, 6).map(str),
    hotel_star_rating=st.integers(1, 3).map(str),
    price_per_night=st.sampled_from(["0.01", "99.99", "100.00", "free"]),
    is_available=st.booleans().map(str),
    categories=st.lists(st.sampled_from(CATEGORIES), max_size=3).map(",".join),
)
STEPS: Final[st.SearchStrategy[Step]] = st.one_of(
    st.builds(Request, st.just("POST"), st.just("deals"), _PLACES, _DEALS, _PLACES),
    _requests("PATCH", "deals", st.fixed_dictionaries({}, optional=dict(_FIELDS)), moves=True),
    _requests("DELETE", "deals", _NOTHING),
    _requests("POST", "hotels", st.integers(0, 4).map(hotel)),
    _requests("PATCH", "hotels", st.fixed_dictionaries({}, optional=dict(_HOTEL_FIELDS))),
    _requests("DELETE", "hotels", _NOTHING),
    st.builds(Import, st.lists(_ROWS, min_size=1, max_size=6)),
    st.builds(Undone),
)
