"""A small catalogue with known ids, for tests that send exact bytes to a running service."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

from psycopg2.extensions import connection
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from app.db.urls import sync_url
from tests.factories import CategoryFactory, DealFactory, HotelFactory
from tests.support.databases import connect_autocommit

HOTEL: Final = 1
"""The id of the hotel that has a deal."""
DEAL: Final = 1
"""The id of the only deal. It has one category."""
EMPTY_HOTEL: Final = 2
"""The id of the hotel without deals."""
_ALL_ROWS: Final = """
    SELECT (SELECT json_agg(hotels ORDER BY id)::text FROM hotels),
        (SELECT json_agg(deals ORDER BY id)::text FROM deals),
        (SELECT json_agg(categories ORDER BY id)::text FROM categories),
        (SELECT json_agg(deal_categories ORDER BY deal_id, category_id)::text FROM deal_categories)
"""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The catalogue in the database at `url`."""

    url: str
    _connection: connection

    def fetch_all_rows(self) -> tuple[str | None, ...]:
        """The committed rows of each table, as JSON; to see whether anything has changed."""
        with self._connection.cursor() as cursor:
            cursor.execute(_ALL_ROWS)
            return cursor.fetchall()[0]


@contextmanager
def filled_catalogue(url: str) -> Iterator[Catalogue]:
    """Fill the migrated, empty database at `url`."""
    engine = create_engine(sync_url(url))
    with Session(engine) as session, session.begin():
        deal, empty_hotel = DealFactory.build(categories=[CategoryFactory.build(name="luxury")]), HotelFactory.build()
        for entity in (deal, empty_hotel):
            session.add(entity)
            session.flush()
        assert (deal.id, deal.hotel_id, empty_hotel.id) == (DEAL, HOTEL, EMPTY_HOTEL)
    engine.dispose()
    with closing(connect_autocommit(url)) as connection:
        yield Catalogue(url, connection)
