"""Readiness of the service."""

from collections.abc import Mapping
from threading import Event
from typing import Any

from app.db.errors import DATABASE_ERRORS
from app.db.failures import log_failure
from app.db.session import Database
from app.errors import ErrorDetail, ServiceUnavailableError
from app.repositories.system import HealthQueries


def is_draining(state: Mapping[str, Any]) -> bool:
    """Whether the server is shutting down. `app.server` sets the event in the state of its requests."""
    draining: Event | None = state.get("draining")
    return draining is not None and draining.is_set()


class HealthService:
    def __init__(self, *, health: HealthQueries, is_draining: bool = False) -> None:
        self._health = health
        self._is_draining = is_draining

    async def check(self) -> None:
        """Return if the service can handle requests, else raise ServiceUnavailableError that names the reason."""
        if self._is_draining:
            raise ServiceUnavailableError(details=[ErrorDetail("service", "draining")])
        if not await self._health.is_migrated():
            raise ServiceUnavailableError(details=[ErrorDetail("migrations", "the schema is of an older version")])


async def is_ready(database: Database) -> bool:
    """Whether a process that has just started can handle requests."""
    try:
        await HealthService(health=HealthQueries(database.reads)).check()
    except ServiceUnavailableError:
        return False
    except DATABASE_ERRORS as error:
        log_failure(error)
        return False
    return True
