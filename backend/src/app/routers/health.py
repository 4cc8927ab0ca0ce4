"""GET /health and GET /health/ready."""

from fastapi import APIRouter

from app.api.dependencies import HealthServiceDep
from app.api.openapi import JSON_ERRORS, error_responses
from app.api.strict_route import StrictRoute
from app.schemas.misc import Health, Readiness

router = APIRouter(prefix="/health", tags=["health"], route_class=StrictRoute)


@router.get(
    "", summary="Liveness probe", responses=error_responses(*JSON_ERRORS, uses_database=False, rate_limited=False)
)
async def get_health() -> Health:
    """200 while the process is running; does not use the database."""
    return Health()


@router.get("/ready", summary="Readiness probe", responses=error_responses(*JSON_ERRORS, rate_limited=False))
async def get_readiness(health: HealthServiceDep) -> Readiness:
    """200 with the state of each dependency; 503 if the service cannot process requests.

    A 503 names the failed dependency in its details; without details, the database is unavailable.
    """
    await health.check()
    return Readiness()
