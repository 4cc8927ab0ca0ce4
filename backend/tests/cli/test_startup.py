"""The start of the command line: help, version, light imports, and no need for the development tools."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.config import BACKEND

pytestmark = pytest.mark.slow

_COMMANDS: Final = [
    *([command] for command in ("dev", "serve", "doctor", "load", "generate", "migrate", "verify", "purge")),
    *([command] for command in ("psql", "shell", "openapi", "bench", "keys")),
    *(["keys", command] for command in ("create", "list", "revoke")),
]
_HEAVY: Final = {
    *("alembic", "asyncpg", "fastapi", "pandas", "psycopg2", "pyarrow", "pydantic_settings", "rich", "sqlalchemy"),
}
_IMPORT_EXTRA: Final = ("pandas", "numpy", "pyarrow")
_RUN_DEALS: Final = "from app.cli.main import app; app(prog_name='deals')"
_PRINT_ALL_HELP: Final = """
import contextlib, json, sys
import pytest

from app.cli.main import app
for command in json.loads(sys.argv[1]):
    with contextlib.suppress(SystemExit):
        app([*command, "--help"], prog_name="deals")
print(json.dumps(list(sys.modules)), file=sys.stderr)
"""


def run_python(
    code: str, *arguments: str, cwd: Path, options: Sequence[str] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run code as an installation without the repository's development tools would."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *options, "-c", code, *arguments],
        cwd=cwd,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_is_listed_here() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names | {"keys"} == {command[0] for command in _COMMANDS}


def test_help_imports_no_heavy_package(tmp_path: Path) -> None:
    commands: list[list[str]] = [[], *(command for command in _COMMANDS if command != ["bench"])]
    result = run_python(_PRINT_ALL_HELP, json.dumps(commands), cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.count("Usage: deals") == len(commands)
    assert _HEAVY.intersection(json.loads(result.stderr)) == set()


def test_version_is_the_distribution_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"deals {version('hotel-deals')}\n")


def test_service_runs_without_development_tools(tmp_path: Path, own_url: str) -> None:
    code = "import sys; from app.cli.main import app; app(['migrate'], prog_name='deals')"
    result = run_python(code, cwd=tmp_path, DATABASE_URL=own_url)
    assert (result.returncode, result.stderr) == (0, "")


def run_without_extra(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a `deals` command on an installation without the packages of the `import` extra."""
    packages = folder / "packages"
    packages.mkdir()
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if not package.name.startswith(_IMPORT_EXTRA):
            (packages / package.name).symlink_to(package)
    paths = os.pathsep.join([str(packages), str(BACKEND / "src")])
    return run_python(_RUN_DEALS, *arguments, cwd=folder, options=["-S"], PYTHONPATH=paths, **variables)


def test_load_without_its_extra_is_explained_in_one_sentence(tmp_path: Path) -> None:
    result = run_without_extra("load", folder=tmp_path, DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "`import` extra" in result.stderr
    assert "--build-arg EXTRAS=import" in result.stderr


@pytest.mark.parametrize("command", [["openapi"], ["migrate"], ["verify"], ["generate", "--rows", "1"]], ids=str)
def test_other_commands_run_without_the_import_extra(tmp_path: Path, own_url: str, command: list[str]) -> None:
    result = run_without_extra(*command, folder=tmp_path, DATABASE_URL=own_url)
    assert (result.returncode, result.stderr) == (0, "")


def test_service_runs_without_the_import_extra(tmp_path: Path, own_url: str) -> None:
    code = "import sys, app.main; app.main.create_app(); print(*sys.modules)"
    result = run_python(code, cwd=tmp_path, DATABASE_URL=own_url)
    assert result.returncode == 0
    assert not set(result.stdout.split()) & {*_IMPORT_EXTRA, "devtools"}


def test_missing_development_tools_are_explained(tmp_path: Path) -> None:
    code = (
        "from app.config import Settings; from app.db.resolve import embedded_database; "
        "embedded_database(Settings()).__enter__()"
    )
    result = run_python(code, cwd=tmp_path)
    assert "NoDatabaseError: There is no database: set DATABASE_URL, or start the compose database" in result.stderr
