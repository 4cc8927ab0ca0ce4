"""/hotels"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response, status

from app.db.reading import Row
from app.dependencies import Hotels, OneEffect, SearchHotels
from app.errors import HotelExistsError, HotelHasDealsError, HotelNotFoundError
from app.paging import Page
from app.protection import ADMIN, WRITE
from app.routers.links import link_header
from app.routers.query_string import QueryModel
from app.routers.responses import BAD_BODY, KEYED, REUSED_KEY, errors, reads
from app.routers.strict import StrictRoute
from app.schemas.hotels import HotelCreate, HotelOut, HotelPage, HotelPatch, HotelQuery
from app.schemas.query import QueryId, prefilled

router = APIRouter(prefix="/hotels", tags=["hotels"], route_class=StrictRoute)

HotelId = Annotated[QueryId, Path(description="The hotel's key.", examples=[1], json_schema_extra=prefilled(1))]
DoomedHotelId = Annotated[
    QueryId, Path(description="A hotel without deals.", examples=[151], json_schema_extra=prefilled(151))
]


@router.get("", summary="Hotels with deals", response_model=HotelPage, responses=reads())
async def list_hotels(
    query: Annotated[HotelQuery, Depends(QueryModel(HotelQuery))],
    hotels: SearchHotels,
    request: Request,
    response: Response,
) -> Page[Row]:
    """The hotels that have a deal matching the filters, with the number of those deals and their lowest price.

    `sort=min_price` gives the cheapest hotels for a search; `GET /deals?hotel_id=` is the next click.
    """
    page = await hotels.page(query)
    response.headers.update(link_header(request, page))
    return page


@router.get(
    "/{hotel_id}",
    summary="Read one hotel",
    response_model=HotelOut,
    responses=reads(HotelNotFoundError),
)
async def read_hotel(hotel_id: HotelId, hotels: SearchHotels) -> Row:
    """One hotel with the average star rating of its deals."""
    return await hotels.get(hotel_id)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Create a hotel",
    response_model=HotelOut,
    dependencies=WRITE,
    responses=errors(HotelExistsError, *REUSED_KEY, *KEYED, *BAD_BODY),
)
async def create_hotel(new: HotelCreate, hotels: Hotels, once: OneEffect, response: Response) -> Row:
    """A new hotel; `Location` says where it is. A phone belongs to one hotel, and so do name, city and country."""
    hotel = await hotels.create(new, once=once)
    response.headers["Location"] = f"/hotels/{hotel['id']}"
    return hotel


@router.patch(
    "/{hotel_id}",
    summary="Change a hotel",
    response_model=HotelOut,
    dependencies=WRITE,
    responses=errors(HotelNotFoundError, HotelExistsError, *KEYED, *BAD_BODY),
)
async def change_hotel(hotel_id: HotelId, patch: HotelPatch, hotels: Hotels) -> Row:
    """Changes the fields that are sent and leaves the others as they are."""
    return await hotels.change(hotel_id, patch)


@router.delete(
    "/{hotel_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Remove a hotel",
    dependencies=ADMIN,
    responses=errors(HotelNotFoundError, HotelHasDealsError, *KEYED),
)
async def remove_hotel(hotel_id: DoomedHotelId, hotels: Hotels) -> None:
    """Only a hotel without deals can be removed.

    On the sample catalogue the example is the hotel that the example of `POST /hotels` makes.
    """
    await hotels.remove(hotel_id)
