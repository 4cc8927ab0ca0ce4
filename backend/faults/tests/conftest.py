"""A shared environment. It is not the usual test database: faults affect the whole server."""

from collections.abc import Iterator

import pytest

from faults.campaign import Campaign, start_campaign_environment
from faults.environment import Environment

MUTANTS = Campaign(workers=1, app_factory="faults.mutants.app:create_app")


@pytest.fixture(scope="session")
def environment() -> Iterator[Environment]:
    """One worker that serves the service and all mutants."""
    with start_campaign_environment(MUTANTS) as environment:
        yield environment
