"""One service on a real socket for the tests that send exact bytes. They must not change its small catalogue."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from app.config import Settings
from app.main import create_app
from tests.support.api_catalogue import Catalogue, filled_catalogue
from tests.support.databases import TestServer
from tests.support.raw_http import RawConnection, serving


@pytest.fixture(scope="session")
def catalogue(server: TestServer) -> Iterator[Catalogue]:
    with server.copy() as url, filled_catalogue(url) as catalogue:
        yield catalogue


@pytest.fixture(scope="session")
def port(catalogue: Catalogue, settings: Settings) -> Iterator[int]:
    """The port of the service."""
    app = create_app(settings.model_copy(update={"database_url": SecretStr(catalogue.url)}))
    with serving(app) as port:
        yield port


@pytest.fixture
def wire(port: int) -> Iterator[RawConnection]:
    """A keep-alive connection to the service."""
    with RawConnection(port) as connection:
        yield connection
