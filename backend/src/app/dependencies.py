"""From the request's session to repositories and services: the only place that builds them."""

from typing import Annotated

from fastapi import Depends

from app.db.session import DB, Database, get_database
from app.paging import Cursors
from app.repositories.categories import CategoryRepository
from app.repositories.deals import DealRepository
from app.repositories.health import HealthRepository
from app.repositories.hotels import HotelRepository
from app.repositories.signing_keys import SigningKeyRepository
from app.services.categories import CategoryService
from app.services.deals import DealService
from app.services.health import HealthService
from app.services.hotels import HotelService


async def health_service(session: DB) -> HealthService:
    return HealthService(health=HealthRepository(session))


async def cursors(session: DB, database: Annotated[Database, Depends(get_database)]) -> Cursors:
    """The codec with the database's key, which is read once for each process."""
    if database.cursor_key is None:
        database.cursor_key = await SigningKeyRepository(session).get("cursor")
    return Cursors(database.cursor_key)


async def deal_service(session: DB, cursors: Annotated[Cursors, Depends(cursors)]) -> DealService:
    return DealService(
        deals=DealRepository(session),
        hotels=HotelRepository(session),
        categories=CategoryRepository(session),
        cursors=cursors,
    )


async def hotel_service(session: DB) -> HotelService:
    return HotelService(hotels=HotelRepository(session))


async def category_service(session: DB) -> CategoryService:
    return CategoryService(categories=CategoryRepository(session))


HealthCheck = Annotated[HealthService, Depends(health_service)]
Deals = Annotated[DealService, Depends(deal_service)]
Categories = Annotated[CategoryService, Depends(category_service)]
Hotels = Annotated[HotelService, Depends(hotel_service)]
