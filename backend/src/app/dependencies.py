"""From the request's session to repositories and services: the only place that builds them."""

from typing import Annotated

from fastapi import Depends

from app.db.session import DB
from app.repositories.health import HealthRepository
from app.services.health import HealthService


async def health_service(session: DB) -> HealthService:
    return HealthService(health=HealthRepository(session))


HealthCheck = Annotated[HealthService, Depends(health_service)]
