"""/deals"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from app.api.dependencies import DealSearchDep, DealServiceDep, IdempotencyDep
from app.api.if_match import IfMatch
from app.api.openapi import AUTH_ERRORS, create_responses, error_responses, read_responses, update_responses
from app.api.query_params import QueryModel
from app.api.responses import build_created_response, link_header, to_response
from app.api.strict_route import StrictRoute
from app.auth.dependencies import REQUIRE_WRITE
from app.db.session import DB, run_in_transaction
from app.entity_tags import Precondition
from app.errors import (
    DealNotFoundError,
    ExternalIdTakenError,
    HotelNotFoundError,
    InvalidCursorError,
    PreconditionFailedError,
    VersionConflictError,
)
from app.pagination import Page
from app.repositories.deal_queries import CityStatsRow, DealRow
from app.repositories.idempotency import StoredResponse
from app.schemas.deals import CityStats, DealCreate, DealOut, DealPage, DealPatch, DealQuery, StatsQuery
from app.schemas.params import OptionalParam, QueryId, QueryVersion

router = APIRouter(prefix="/deals", tags=["deals"], route_class=StrictRoute)

DealId = Annotated[QueryId, Path(description="Id of the deal.", examples=[1], json_schema_extra={"example": 1})]
IfVersion = Annotated[
    OptionalParam[QueryVersion], Query(description="Delete the deal only if it still has this version.", examples=[1])
]
IfMatchDep = Annotated[Precondition[DealRow] | None, Depends(IfMatch(DealOut))]


@router.get(
    "", summary="Search deals", response_model=DealPage, responses=read_responses(InvalidCursorError, has_pages=True)
)
async def list_deals(
    query: Annotated[DealQuery, Depends(QueryModel(DealQuery))],
    deals: DealSearchDep,
    request: Request,
    response: Response,
) -> Page[DealRow]:
    """A page of deals, each with its hotel. The `Link` header has the adjacent pages."""
    page = await deals.page(query)
    response.headers.update(link_header(request, page))
    return page


@router.get(
    "/stats",
    summary="Prices by city",
    response_model=list[CityStats],
    responses=read_responses(),
)
async def get_deal_stats(
    query: Annotated[StatsQuery, Depends(QueryModel(StatsQuery))], deals: DealSearchDep
) -> list[CityStatsRow]:
    """Average price and number of the matching deals by city.

    Only available deals are counted by default: `available_only` is **true** here.
    """
    return await deals.stats(query)


@router.get(
    "/{deal_id}",
    summary="Get a deal",
    response_model=DealOut,
    responses=read_responses(DealNotFoundError),
)
async def get_deal(deal_id: DealId, deals: DealSearchDep) -> DealRow:
    """One deal with its hotel."""
    return await deals.get(deal_id)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Create a deal",
    response_model=DealOut,
    dependencies=REQUIRE_WRITE,
    responses=create_responses(HotelNotFoundError, ExternalIdTakenError),
)
async def create_deal(
    new: DealCreate, deals: DealServiceDep, idempotency: IdempotencyDep, session: DB, request: Request
) -> Response:
    """Creates a deal of an existing hotel; `Location` is its address."""

    async def create() -> StoredResponse:
        deal = await deals.create(new)
        return build_created_response(DealOut, deal, location=f"/deals/{deal['id']}")

    return to_response(request, await run_in_transaction(session, idempotency.run, new, create))


@router.patch(
    "/{deal_id}",
    summary="Update a deal",
    response_model=DealOut,
    dependencies=REQUIRE_WRITE,
    responses=update_responses(DealNotFoundError, HotelNotFoundError, VersionConflictError, ExternalIdTakenError),
)
async def update_deal(
    deal_id: DealId, patch: DealPatch, deals: DealServiceDep, session: DB, precondition: IfMatchDep
) -> DealRow:
    """Updates the fields that are sent; with `version` or `If-Match`, only if the deal has not changed."""
    return await run_in_transaction(session, deals.update, deal_id, patch, precondition=precondition)


@router.delete(
    "/{deal_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a deal",
    dependencies=REQUIRE_WRITE,
    responses=error_responses(DealNotFoundError, VersionConflictError, PreconditionFailedError, *AUTH_ERRORS),
)
async def delete_deal(
    deal_id: DealId, deals: DealServiceDep, session: DB, precondition: IfMatchDep, version: IfVersion = None
) -> None:
    """Deletes the deal; with `version` or `If-Match`, only if it has not changed."""
    await run_in_transaction(session, deals.delete, deal_id, precondition=precondition, version=version)
