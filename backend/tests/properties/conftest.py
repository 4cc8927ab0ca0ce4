"""Databases with real commits for property tests, which empty theirs before each example."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.config import SAMPLE_CSV, Settings
from app.db.urls import libpq_url
from app.importer.pipeline import load_deals
from tests.support.databases import TestServer
from tests.support.import_catalogue import ignore_progress
from tests.support.sample_catalogue import Sample
from tests.support.service import Service, open_service


@pytest.fixture(scope="session")
async def service(server: TestServer, settings: Settings) -> AsyncIterator[Service]:
    """The service on a catalogue that still holds the rows of the previous example."""
    with server.copy() as url:
        async with open_service(url, settings) as service:
            yield service


@pytest.fixture(scope="session")
async def sample(
    server: TestServer, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Sample]:
    """The repository's deals.csv in the service and in pandas; read-only."""
    file = Path(shutil.copy(SAMPLE_CSV, tmp_path_factory.mktemp("sample")))
    with server.copy() as url:
        load_deals(file, dsn=libpq_url(url), progress=ignore_progress)
        async with open_service(url, settings) as service:
            yield await Sample.load(file, service)
