"""/categories"""

from fastapi import APIRouter

from app.api.dependencies import CategoryQueriesDep
from app.api.openapi import read_responses
from app.api.strict_route import StrictRoute
from app.repositories.categories import CategoryRow
from app.schemas.misc import CategoryOut

router = APIRouter(prefix="/categories", tags=["categories"], route_class=StrictRoute)


@router.get("", summary="List categories", response_model=list[CategoryOut], responses=read_responses())
async def list_categories(categories: CategoryQueriesDep) -> list[CategoryRow]:
    """All categories by name, each with the number of its deals."""
    return await categories.list_with_counts()
