"""An importer, and the catalogue that it fills, in a database of the test's own."""

from pathlib import Path

import pytest

from tests.support.import_catalogue import Catalogue, Importer


@pytest.fixture
def catalogue(own_dsn: str) -> Catalogue:
    return Catalogue(own_dsn)


@pytest.fixture
def importer(own_dsn: str, tmp_path: Path) -> Importer:
    return Importer(own_dsn, tmp_path / "deals.csv")
