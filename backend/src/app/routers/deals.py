"""/deals"""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from app.dependencies import Deals
from app.errors import DealNotFoundError, InvalidError, UnknownParameterError
from app.models import Deal
from app.paging import Page
from app.routers.responses import errors
from app.routers.strict import StrictRoute
from app.schemas.base import MAX_KEY
from app.schemas.deals import DealOut, DealPage, DealQuery
from app.schemas.query import Whole

router = APIRouter(prefix="/deals", tags=["deals"], route_class=StrictRoute)

DealId = Annotated[Whole, Field(ge=1, le=MAX_KEY), Path(description="The deal's key.", examples=[1])]


@router.get("", summary="Search deals", response_model=DealPage, responses=errors(InvalidError, UnknownParameterError))
async def list_deals(query: Annotated[DealQuery, Query()], deals: Deals) -> Page[Deal]:
    """A page of the deals, each with its hotel."""
    return await deals.page(query)


@router.get(
    "/{deal_id}",
    summary="Read one deal",
    response_model=DealOut,
    responses=errors(DealNotFoundError, UnknownParameterError),
)
async def read_deal(deal_id: DealId, deals: Deals) -> Deal:
    """One deal with its hotel."""
    return await deals.get(deal_id)
