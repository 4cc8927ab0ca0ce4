"""/hotels"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response, status

from app.api.dependencies import HotelSearchDep, HotelServiceDep, IdempotencyDep
from app.api.if_match import IfMatch
from app.api.openapi import AUTH_ERRORS, create_responses, error_responses, read_responses, update_responses
from app.api.query_params import QueryModel
from app.api.responses import build_created_response, link_header, to_response
from app.api.strict_route import StrictRoute
from app.auth.dependencies import REQUIRE_ADMIN, REQUIRE_WRITE
from app.db.session import DB, run_in_transaction
from app.entity_tags import Precondition
from app.errors import HotelExistsError, HotelHasDealsError, HotelNotFoundError, PreconditionFailedError
from app.pagination import Page
from app.repositories.hotel_queries import HotelListRow, HotelRow
from app.repositories.idempotency import StoredResponse
from app.schemas.hotels import HotelCreate, HotelOut, HotelPage, HotelPatch, HotelQuery
from app.schemas.params import QueryId

router = APIRouter(prefix="/hotels", tags=["hotels"], route_class=StrictRoute)

HotelId = Annotated[QueryId, Path(description="Id of the hotel.", examples=[1], json_schema_extra={"example": 1})]
EmptyHotelId = Annotated[
    QueryId, Path(description="A hotel without deals.", examples=[151], json_schema_extra={"example": 151})
]
IfMatchDep = Annotated[Precondition[HotelRow] | None, Depends(IfMatch(HotelOut))]


@router.get("", summary="Hotels with deals", response_model=HotelPage, responses=read_responses(has_pages=True))
async def list_hotels(
    query: Annotated[HotelQuery, Depends(QueryModel(HotelQuery))],
    hotels: HotelSearchDep,
    request: Request,
    response: Response,
) -> Page[HotelListRow]:
    """The hotels with at least one matching deal, the number of those deals and their lowest price.

    `sort=min_price` gives the cheapest hotels for a search; `GET /deals?hotel_id=` then lists the deals.
    """
    page = await hotels.page(query)
    response.headers.update(link_header(request, page))
    return page


@router.get(
    "/{hotel_id}",
    summary="Get a hotel",
    response_model=HotelOut,
    responses=read_responses(HotelNotFoundError),
)
async def get_hotel(hotel_id: HotelId, hotels: HotelSearchDep) -> HotelRow:
    """One hotel with the average star rating of its deals."""
    return await hotels.get(hotel_id)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Create a hotel",
    response_model=HotelOut,
    dependencies=REQUIRE_WRITE,
    responses=create_responses(HotelExistsError),
)
async def create_hotel(
    new: HotelCreate, hotels: HotelServiceDep, idempotency: IdempotencyDep, session: DB, request: Request
) -> Response:
    """Creates a hotel; `Location` is its address. The phone is unique, and so are name, city and country together."""

    async def create() -> StoredResponse:
        hotel = await hotels.create(new)
        return build_created_response(HotelOut, hotel, location=f"/hotels/{hotel['id']}")

    return to_response(request, await run_in_transaction(session, idempotency.run, new, create))


@router.patch(
    "/{hotel_id}",
    summary="Update a hotel",
    response_model=HotelOut,
    dependencies=REQUIRE_WRITE,
    responses=update_responses(HotelNotFoundError, HotelExistsError),
)
async def update_hotel(
    hotel_id: HotelId, patch: HotelPatch, hotels: HotelServiceDep, session: DB, precondition: IfMatchDep
) -> HotelRow:
    """Updates the fields that are sent; with `If-Match`, only if the hotel still has that `ETag`."""
    return await run_in_transaction(session, hotels.update, hotel_id, patch, precondition=precondition)


@router.delete(
    "/{hotel_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a hotel",
    dependencies=REQUIRE_ADMIN,
    responses=error_responses(HotelNotFoundError, HotelHasDealsError, PreconditionFailedError, *AUTH_ERRORS),
)
async def delete_hotel(hotel_id: EmptyHotelId, hotels: HotelServiceDep, session: DB, precondition: IfMatchDep) -> None:
    """Deletes a hotel that has no deals; with `If-Match`, only if it still has that `ETag`.

    On the sample catalogue the example is the hotel that the example of `POST /hotels` creates.
    """
    await run_in_transaction(session, hotels.delete, hotel_id, precondition=precondition)
