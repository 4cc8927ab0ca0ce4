"""Data directories for embedded servers."""

import subprocess
from pathlib import Path

import pytest

from tests.support.embedded_processes import embedded_server


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a stopped server. Tests leave it intact and stopped."""
    path = tmp_path_factory.mktemp("embedded") / 'it\'s a "data" $folder'
    with embedded_server(path).running():
        return path


@pytest.fixture
def data_copy(data: Path, tmp_path: Path) -> Path:
    """A copy that the test may delete."""
    subprocess.run(["cp", "-a", data, tmp_path / "copy"], check=True)  # copytree would not preserve the owner
    return tmp_path / "copy"
