"""/deals"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from app.api.dependencies import Deals, DealSearchDep, IdempotencyDep
from app.api.links import link_header, public_path
from app.api.openapi import AUTH_ERRORS, BODY_ERRORS, IDEMPOTENCY_ERRORS, error_responses, read_responses
from app.api.query_params import QueryModel
from app.api.strict_route import StrictRoute
from app.auth.dependencies import REQUIRE_WRITE
from app.errors import (
    DealNotFoundError,
    ExternalIdTakenError,
    HotelNotFoundError,
    InvalidCursorError,
    VersionConflictError,
)
from app.pagination import Page
from app.repositories.deal_queries import CityStatsRow, DealRow
from app.schemas.deals import CityStats, DealCreate, DealOut, DealPage, DealPatch, DealQuery, StatsQuery
from app.schemas.params import OptionalParam, QueryId, QueryVersion

router = APIRouter(prefix="/deals", tags=["deals"], route_class=StrictRoute)

DealId = Annotated[QueryId, Path(description="The deal's key.", examples=[1], json_schema_extra={"example": 1})]
IfVersion = Annotated[
    OptionalParam[QueryVersion], Query(description="Remove the deal only if it still has this version.", examples=[1])
]


@router.get("", summary="Search deals", response_model=DealPage, responses=read_responses(InvalidCursorError))
async def list_deals(
    query: Annotated[DealQuery, Depends(QueryModel(DealQuery))],
    deals: DealSearchDep,
    request: Request,
    response: Response,
) -> Page[DealRow]:
    """A page of the deals, each with its hotel. `Link` leads to the pages around it."""
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
    """Average price and number of the matching deals, by city.

    Counts what can be booked: `available_only` is **true** here unless it is given.
    """
    return await deals.stats(query)


@router.get(
    "/{deal_id}",
    summary="Read one deal",
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
    responses=error_responses(
        HotelNotFoundError, ExternalIdTakenError, *IDEMPOTENCY_ERRORS, *AUTH_ERRORS, *BODY_ERRORS
    ),
)
async def create_deal(
    new: DealCreate, deals: Deals, once: IdempotencyDep, request: Request, response: Response
) -> DealRow:
    """A new deal of an existing hotel; `Location` says where it is."""
    deal = await deals.create(new, once=once)
    response.headers["Location"] = public_path(request, f"/deals/{deal['id']}")
    return deal


@router.patch(
    "/{deal_id}",
    summary="Change a deal",
    response_model=DealOut,
    dependencies=REQUIRE_WRITE,
    responses=error_responses(
        DealNotFoundError, HotelNotFoundError, VersionConflictError, ExternalIdTakenError, *AUTH_ERRORS, *BODY_ERRORS
    ),
)
async def update_deal(deal_id: DealId, patch: DealPatch, deals: Deals) -> DealRow:
    """Changes the fields that are sent and leaves the others as they are; with `version`, only that version."""
    return await deals.update(deal_id, patch)


@router.delete(
    "/{deal_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a deal",
    dependencies=REQUIRE_WRITE,
    responses=error_responses(DealNotFoundError, VersionConflictError, *AUTH_ERRORS),
)
async def delete_deal(deal_id: DealId, deals: Deals, version: IfVersion = None) -> None:
    """The deal is gone for good; with `version`, only if it still has that version."""
    await deals.delete(deal_id, version=version)
