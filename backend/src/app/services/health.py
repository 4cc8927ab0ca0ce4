"""Whether the service can do its work."""

from app.errors import ErrorDetail, ServiceUnavailableError
from app.repositories.health import HealthRepository


class HealthService:
    def __init__(self, *, health: HealthRepository, draining: bool = False) -> None:
        self._health = health
        self._draining = draining

    async def check(self) -> None:
        """Return if every dependency is usable, else raise ServiceUnavailableError that names those that are not."""
        if self._draining:
            raise ServiceUnavailableError(details=[ErrorDetail("service", "draining")])
        if not await self._health.is_migrated():
            raise ServiceUnavailableError(details=[ErrorDetail("migrations", "the schema is of an older version")])
