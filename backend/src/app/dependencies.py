"""From the request's session to repositories and services: the only place that builds them."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Request

from app.db.session import DB, Database, database_of
from app.paging import Cursors
from app.repositories.categories import CategoryRepository
from app.repositories.category_views import CategoryViews
from app.repositories.deal_views import DealViews
from app.repositories.deals import DealRepository
from app.repositories.health import HealthRepository
from app.repositories.hotel_views import HotelViews
from app.repositories.hotels import HotelRepository
from app.repositories.signing_keys import SigningKeyRepository
from app.services.categories import CategoryService
from app.services.deal_search import DealSearch
from app.services.deals import DealService
from app.services.health import HealthService
from app.services.hotel_search import HotelSearch
from app.services.hotels import HotelService


async def health_service(request: Request) -> HealthService:
    return HealthService(health=HealthRepository(database_of(request).reader))


async def deal_search(request: Request) -> DealSearch:
    database = database_of(request)
    return DealSearch(views=DealViews(database.reader), cursors=partial(_cursors, database))


async def deal_service(transaction: DB) -> DealService:
    return DealService(
        deals=DealRepository(transaction),
        views=DealViews(transaction),
        hotels=HotelRepository(transaction),
        categories=CategoryRepository(transaction),
    )


async def hotel_search(request: Request) -> HotelSearch:
    return HotelSearch(views=HotelViews(database_of(request).reader))


async def hotel_service(transaction: DB) -> HotelService:
    return HotelService(hotels=HotelRepository(transaction), search=HotelSearch(views=HotelViews(transaction)))


async def category_service(request: Request) -> CategoryService:
    return CategoryService(views=CategoryViews(database_of(request).reader))


async def _cursors(database: Database) -> Cursors:
    """The codec with the database's key, which is read once for each process."""
    if database.cursor_key is None:
        database.cursor_key = await SigningKeyRepository(database.reader).get("cursor")
    return Cursors(database.cursor_key)


HealthCheck = Annotated[HealthService, Depends(health_service)]
SearchDeals = Annotated[DealSearch, Depends(deal_search)]
Deals = Annotated[DealService, Depends(deal_service)]
Categories = Annotated[CategoryService, Depends(category_service)]
SearchHotels = Annotated[HotelSearch, Depends(hotel_search)]
Hotels = Annotated[HotelService, Depends(hotel_service)]
