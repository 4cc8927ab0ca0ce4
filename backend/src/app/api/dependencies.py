"""From the request's session to repositories and services: the only place that builds them."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Header, Request

from app.db.session import DB, Database, database_of
from app.errors import ErrorDetail, InvalidError
from app.pagination import CursorCodec
from app.repositories.categories import CategoryQueries, CategoryRepository
from app.repositories.deal_queries import DealQueries
from app.repositories.deals import DealRepository
from app.repositories.health import HealthRepository
from app.repositories.hotel_queries import HotelQueries
from app.repositories.hotels import HotelRepository
from app.repositories.idempotency import IdempotencyRepository
from app.repositories.signing_keys import SigningKeyRepository
from app.schemas.base import IdempotencyKey
from app.schemas.params import OptionalParam
from app.services.categories import CategoryService
from app.services.deals import DealSearch, DealService
from app.services.health import HealthService
from app.services.hotels import HotelSearch, HotelService
from app.services.idempotency import IdempotencyGuard, NoIdempotency


async def health_service(request: Request) -> HealthService:
    draining = getattr(request.state, "draining", None)
    return HealthService(
        health=HealthRepository(database_of(request).reader), draining=draining is not None and draining.is_set()
    )


async def deal_search(request: Request) -> DealSearch:
    database = database_of(request)
    return DealSearch(views=DealQueries(database.reader), cursors=partial(_cursors, database))


async def deal_service(transaction: DB) -> DealService:
    return DealService(
        deals=DealRepository(transaction),
        views=DealQueries(transaction),
        hotels=HotelRepository(transaction),
        categories=CategoryRepository(transaction),
    )


async def hotel_search(request: Request) -> HotelSearch:
    return HotelSearch(views=HotelQueries(database_of(request).reader))


async def hotel_service(transaction: DB) -> HotelService:
    return HotelService(hotels=HotelRepository(transaction), search=HotelSearch(views=HotelQueries(transaction)))


async def category_service(request: Request) -> CategoryService:
    return CategoryService(queries=CategoryQueries(database_of(request).reader))


async def once(
    request: Request,
    transaction: DB,
    key: Annotated[
        OptionalParam[IdempotencyKey],
        Header(
            alias="Idempotency-Key",
            description="Any text of the client's, say a UUID. Sent again with the same key and body within 24 hours, "
            "the write is not done again and answered as it was, with `Idempotent-Replayed: true`.",
        ),
    ] = None,
) -> NoIdempotency:
    """Found again at `request.state.once` by whoever has the answer."""
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise InvalidError(details=[ErrorDetail("Idempotency-Key", "must be given once")])
    effect = _once(request, transaction, key)
    request.state.once = effect
    return effect


def _once(request: Request, transaction: DB, key: str | None) -> NoIdempotency:
    if key is None:
        return NoIdempotency()
    client = getattr(request.state, "client", "")
    return IdempotencyGuard(keys=IdempotencyRepository(transaction), client=client, key=key)


async def _cursors(database: Database) -> CursorCodec:
    """The codec with the database's key, which is read once for each process."""
    if database.cursor_key is None:
        database.cursor_key = await SigningKeyRepository(database.reader).get("cursor")
    return CursorCodec(database.cursor_key)


HealthServiceDep = Annotated[HealthService, Depends(health_service)]
DealSearchDep = Annotated[DealSearch, Depends(deal_search)]
Deals = Annotated[DealService, Depends(deal_service)]
Categories = Annotated[CategoryService, Depends(category_service)]
HotelSearchDep = Annotated[HotelSearch, Depends(hotel_search)]
IdempotencyDep = Annotated[NoIdempotency, Depends(once)]
Hotels = Annotated[HotelService, Depends(hotel_service)]
