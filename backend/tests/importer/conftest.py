from pathlib import Path

import pytest

from tests.support.import_catalogue import Catalogue, Importer


@pytest.fixture
def catalogue(loading_database: str) -> Catalogue:
    return Catalogue(loading_database)


@pytest.fixture
def importer(loading_database: str, tmp_path: Path) -> Importer:
    return Importer(loading_database, tmp_path / "deals.csv")
