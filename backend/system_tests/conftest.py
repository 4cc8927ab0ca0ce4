"""Fixtures of the tests with Debian's nginx and Redis."""

from collections.abc import Iterator

import pytest

from app.config import Environment, Settings
from tests.support.api_catalogue import filled_catalogue
from tests.support.databases import test_server


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """The URL of a database with a small catalogue."""
    settings = Settings(env=Environment.DEVELOPMENT, log_level="WARNING")
    with test_server(settings) as server, server.copy() as url, filled_catalogue(url):
        yield url
