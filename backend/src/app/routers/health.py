"""GET /health and GET /health/ready."""

from fastapi import APIRouter

from app.api.dependencies import HealthServiceDep
from app.api.openapi import error_responses
from app.api.strict_route import StrictRoute
from app.schemas.misc import Health, Readiness

router = APIRouter(prefix="/health", tags=["health"], route_class=StrictRoute)


@router.get("", summary="Is the process alive?", responses=error_responses(with_database=False, limited=False))
async def get_health() -> Health:
    """Answers without asking the database."""
    return Health()


@router.get("/ready", summary="Can it do its work?", responses=error_responses(limited=False))
async def get_readiness(health: HealthServiceDep) -> Readiness:
    """Answers 200 with the state of each dependency, or 503; without details, it is the database that is away."""
    await health.check()
    return Readiness()
