"""The services of a request, built from its session or from the read pool."""

from functools import partial
from typing import Annotated

from fastapi import Depends, Header, Request

from app.db.session import DB, Database, get_database
from app.db.statements import SessionExecutor
from app.errors import ErrorDetail, InvalidError
from app.pagination import CursorCodec
from app.repositories.categories import CategoryQueries, CategoryRepository
from app.repositories.deal_queries import DealQueries
from app.repositories.deals import DealRepository
from app.repositories.hotel_queries import HotelQueries
from app.repositories.hotels import HotelRepository
from app.repositories.idempotency import IdempotencyRepository
from app.repositories.system import HealthQueries, SigningKeyQueries
from app.schemas.base import IdempotencyKey
from app.schemas.params import OptionalParam
from app.services.deals import DealSearchService, DealService
from app.services.health import HealthService, is_draining
from app.services.hotels import HotelSearchService, HotelService
from app.services.idempotency import IdempotencyService


async def get_health_service(request: Request) -> HealthService:
    return HealthService(
        health=HealthQueries(get_database(request).reads), is_draining=is_draining(request.scope["state"])
    )


async def get_deal_search(request: Request) -> DealSearchService:
    database = get_database(request)
    return DealSearchService(queries=DealQueries(database.reads), get_cursor_codec=partial(_get_cursor_codec, database))


async def get_deal_service(session: DB) -> DealService:
    return DealService(
        deals=DealRepository(session),
        queries=DealQueries(SessionExecutor(session)),
        hotels=HotelRepository(session),
        categories=CategoryRepository(session),
    )


async def get_hotel_search(request: Request) -> HotelSearchService:
    return HotelSearchService(queries=HotelQueries(get_database(request).reads))


async def get_hotel_service(session: DB) -> HotelService:
    return HotelService(hotels=HotelRepository(session), queries=HotelQueries(SessionExecutor(session)))


async def get_category_queries(request: Request) -> CategoryQueries:
    return CategoryQueries(get_database(request).reads)


async def get_idempotency_service(
    request: Request,
    session: DB,
    key: Annotated[
        OptionalParam[IdempotencyKey],
        Header(
            alias="Idempotency-Key",
            description="A string chosen by the client, such as a UUID. A request that is sent again with the same key "
            "and body within 24 hours has no further effect and gets the first response, with "
            "`Idempotent-Replayed: true`.",
        ),
    ] = None,
) -> IdempotencyService:
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise InvalidError(details=[ErrorDetail("Idempotency-Key", "must appear only once")])
    return IdempotencyService(IdempotencyRepository(session), client=request.state.client, key=key)


async def _get_cursor_codec(database: Database) -> CursorCodec:
    """The codec with the database's signing key, which each process reads once."""
    if database.cursor_key is None:
        database.cursor_key = await SigningKeyQueries(database.reads).get("cursor")
    return CursorCodec(database.cursor_key)


HealthServiceDep = Annotated[HealthService, Depends(get_health_service)]
DealSearchDep = Annotated[DealSearchService, Depends(get_deal_search)]
DealServiceDep = Annotated[DealService, Depends(get_deal_service)]
HotelSearchDep = Annotated[HotelSearchService, Depends(get_hotel_search)]
HotelServiceDep = Annotated[HotelService, Depends(get_hotel_service)]
CategoryQueriesDep = Annotated[CategoryQueries, Depends(get_category_queries)]
IdempotencyDep = Annotated[IdempotencyService, Depends(get_idempotency_service)]
