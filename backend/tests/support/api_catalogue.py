"""A small catalogue with real commits, and everything that stands in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from psycopg2.extensions import connection
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from app.db.urls import sync_url
from tests.factories import CategoryFactory, DealFactory, HotelFactory
from tests.support.databases import connect

HOTEL: Final = 1
DEAL: Final = 1
LONELY_HOTEL: Final = 2
_EVERYTHING: Final = """
    SELECT (SELECT json_agg(hotels ORDER BY id)::text FROM hotels),
        (SELECT json_agg(deals ORDER BY id)::text FROM deals),
        (SELECT json_agg(categories ORDER BY id)::text FROM categories),
        (SELECT json_agg(deal_categories ORDER BY deal_id, category_id)::text FROM deal_categories)
"""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Deal `DEAL` of hotel `HOTEL`, filed under one category, and `LONELY_HOTEL`, which has no deals."""

    url: str
    _connection: connection

    @classmethod
    @contextmanager
    def filled(cls, url: str) -> Iterator["Catalogue"]:
        _fill(url)
        connection = connect(url)
        connection.autocommit = True
        yield cls(url, connection)
        connection.close()

    def everything(self) -> tuple[str | None, ...]:
        """All rows of all tables, as the database has them now."""
        with self._connection.cursor() as cursor:
            cursor.execute(_EVERYTHING)
            return cursor.fetchall()[0]


def _fill(url: str) -> None:
    engine = create_engine(sync_url(url))
    with Session(engine) as session, session.begin():
        deal, lonely = DealFactory.build(categories=[CategoryFactory.build(name="luxury")]), HotelFactory.build()
        for entity in (deal, lonely):
            session.add(entity)
            session.flush()
        assert (deal.id, deal.hotel_id, lonely.id) == (DEAL, HOTEL, LONELY_HOTEL)
    engine.dispose()
