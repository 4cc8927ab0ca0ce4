"""From the request's session to repositories and services: the only place that builds them."""

from typing import Annotated

from fastapi import Depends

from app.db.session import DB
from app.repositories.categories import CategoryRepository
from app.repositories.deals import DealRepository
from app.repositories.health import HealthRepository
from app.repositories.hotels import HotelRepository
from app.services.categories import CategoryService
from app.services.deals import DealService
from app.services.health import HealthService
from app.services.hotels import HotelService


async def health_service(session: DB) -> HealthService:
    return HealthService(health=HealthRepository(session))


async def deal_service(session: DB) -> DealService:
    return DealService(
        deals=DealRepository(session),
        hotels=HotelRepository(session),
        categories=CategoryRepository(session),
    )


async def hotel_service(session: DB) -> HotelService:
    return HotelService(hotels=HotelRepository(session))


async def category_service(session: DB) -> CategoryService:
    return CategoryService(categories=CategoryRepository(session))


HealthCheck = Annotated[HealthService, Depends(health_service)]
Deals = Annotated[DealService, Depends(deal_service)]
Categories = Annotated[CategoryService, Depends(category_service)]
Hotels = Annotated[HotelService, Depends(hotel_service)]
