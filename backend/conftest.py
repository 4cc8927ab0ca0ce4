"""Every test run: parallel workers, slow tests first, and no process or file left behind."""

import os
from pathlib import Path
from typing import Final

import pytest

pytest.register_assert_rewrite("tests.support")
pytest_plugins = ("devtools.run_cleanup",)

MAX_WORKERS: Final = 4


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one worker per CPU, or none for single files: those finish before workers have started."""
    if all(Path(argument.partition("::")[0]).is_file() for argument in config.args):
        return 0
    return min(os.cpu_count() or 1, MAX_WORKERS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers begin with the slow tests, so that none of them runs while the other workers are idle."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)
