"""/deals"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from app.db.reading import Row
from app.dependencies import Deals, OneEffect, SearchDeals
from app.errors import (
    DealNotFoundError,
    ExternalIdTakenError,
    HotelNotFoundError,
    InvalidCursorError,
    VersionConflictError,
)
from app.paging import Page
from app.protection import WRITE
from app.repositories.deal_views import DealView
from app.routers.links import link_header
from app.routers.query_string import QueryModel
from app.routers.responses import BAD_BODY, KEYED, REUSED_KEY, errors, reads
from app.routers.strict import StrictRoute
from app.schemas.deals import DealCreate, DealOut, DealPage, DealPatch, DealQuery
from app.schemas.query import Given, QueryId, QueryVersion, prefilled
from app.schemas.stats import CityStats, StatsQuery

router = APIRouter(prefix="/deals", tags=["deals"], route_class=StrictRoute)

DealId = Annotated[QueryId, Path(description="The deal's key.", examples=[1], json_schema_extra=prefilled(1))]
IfVersion = Annotated[
    Given[QueryVersion], Query(description="Remove the deal only if it still has this version.", examples=[1])
]


@router.get("", summary="Search deals", response_model=DealPage, responses=reads(InvalidCursorError))
async def list_deals(
    query: Annotated[DealQuery, Depends(QueryModel(DealQuery))],
    deals: SearchDeals,
    request: Request,
    response: Response,
) -> Page[DealView]:
    """A page of the deals, each with its hotel. `Link` leads to the pages around it."""
    page = await deals.page(query)
    response.headers.update(link_header(request, page))
    return page


@router.get(
    "/stats",
    summary="Prices by city",
    response_model=list[CityStats],
    responses=reads(),
)
async def read_stats(query: Annotated[StatsQuery, Depends(QueryModel(StatsQuery))], deals: SearchDeals) -> list[Row]:
    """Average price and number of the matching deals, by city.

    Counts what can be booked: `available_only` is **true** here unless it is given.
    """
    return await deals.stats(query)


@router.get(
    "/{deal_id}",
    summary="Read one deal",
    response_model=DealOut,
    responses=reads(DealNotFoundError),
)
async def read_deal(deal_id: DealId, deals: SearchDeals) -> DealView:
    """One deal with its hotel."""
    return await deals.get(deal_id)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Create a deal",
    response_model=DealOut,
    dependencies=WRITE,
    responses=errors(HotelNotFoundError, ExternalIdTakenError, *REUSED_KEY, *KEYED, *BAD_BODY),
)
async def create_deal(new: DealCreate, deals: Deals, once: OneEffect, response: Response) -> DealView:
    """A new deal of an existing hotel; `Location` says where it is."""
    deal = await deals.create(new, once=once)
    response.headers["Location"] = f"/deals/{deal['id']}"
    return deal


@router.patch(
    "/{deal_id}",
    summary="Change a deal",
    response_model=DealOut,
    dependencies=WRITE,
    responses=errors(
        DealNotFoundError, HotelNotFoundError, VersionConflictError, ExternalIdTakenError, *KEYED, *BAD_BODY
    ),
)
async def change_deal(deal_id: DealId, patch: DealPatch, deals: Deals) -> DealView:
    """Changes the fields that are sent and leaves the others as they are; with `version`, only that version."""
    return await deals.change(deal_id, patch)


@router.delete(
    "/{deal_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a deal",
    dependencies=WRITE,
    responses=errors(DealNotFoundError, VersionConflictError, *KEYED),
)
async def remove_deal(deal_id: DealId, deals: Deals, version: IfVersion = None) -> None:
    """The deal is gone for good; with `version`, only if it still has that version."""
    await deals.remove(deal_id, version=version)
