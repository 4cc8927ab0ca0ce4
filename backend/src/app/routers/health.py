"""GET /health and GET /health/ready."""

from fastapi import APIRouter

from app.dependencies import HealthCheck
from app.routers.responses import errors
from app.routers.strict import StrictRoute
from app.schemas.health import Health, Readiness

router = APIRouter(prefix="/health", tags=["health"], route_class=StrictRoute)


@router.get("", summary="Is the process alive?", responses=errors(with_database=False, limited=False))
async def read_health() -> Health:
    """Answers without asking the database."""
    return Health()


@router.get("/ready", summary="Can it do its work?", responses=errors(limited=False))
async def read_readiness(health: HealthCheck) -> Readiness:
    """Answers 200 with the state of each dependency, or 503; without details, it is the database that is away."""
    await health.check()
    return Readiness()
