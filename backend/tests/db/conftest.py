"""Data folders for embedded servers."""

import subprocess
from pathlib import Path

import pytest

from tests.support.embedded_processes import embedded


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that was used before; tests leave it whole and nobody's."""
    folder = tmp_path_factory.mktemp("embedded") / 'it\'s a "data" $folder'
    with embedded(folder).running():
        return folder


@pytest.fixture
def doomed(data: Path, tmp_path: Path) -> Path:
    """The same for a test that deletes it."""
    subprocess.run(["cp", "-a", data, tmp_path / "doomed"], check=True)  # copytree would not keep the owner
    return tmp_path / "doomed"
