"""/categories"""

from fastapi import APIRouter

from app.db.reading import Row
from app.dependencies import Categories
from app.routers.responses import reads
from app.routers.strict import StrictRoute
from app.schemas.categories import CategoryOut

router = APIRouter(prefix="/categories", tags=["categories"], route_class=StrictRoute)


@router.get("", summary="List the categories", response_model=list[CategoryOut], responses=reads())
async def list_categories(categories: Categories) -> list[Row]:
    """Every category with the number of its deals, by name."""
    return await categories.sizes()
