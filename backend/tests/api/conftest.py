"""One service on a real socket for the tests that need exact bytes, over a small catalogue that nothing may change."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from app.config import Settings
from app.main import create_app
from tests.support.api_catalogue import Catalogue
from tests.support.databases import TestServer
from tests.support.raw_http import RawConnection, serving


@pytest.fixture(scope="session")
def catalogue(server: TestServer) -> Iterator[Catalogue]:
    with server.copy() as url, Catalogue.filled(url) as catalogue:
        yield catalogue


@pytest.fixture(scope="session")
def port(catalogue: Catalogue, settings: Settings) -> Iterator[int]:
    app = create_app(settings.model_copy(update={"database_url": SecretStr(catalogue.url)}))
    with serving(app) as port:
        yield port


@pytest.fixture
def wire(port: int) -> Iterator[RawConnection]:
    with RawConnection(port) as wire:
        yield wire
