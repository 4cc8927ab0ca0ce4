"""The service against its own OpenAPI document: Schemathesis makes requests from it and checks the answers by it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from api.catalogue import Catalogue
from api.wire import serving
from app.config import Settings
from app.main import create_app
from databases import TestServer

TESTS: Final = Path(__file__).resolve().parents[1]
OPTIONS: Final = (
    "--checks=all",
    "--max-examples=15",
    "--generation-deterministic",
    "--no-shrink",
    "--suppress-health-check=too_slow",  # A busy machine is no finding.
    "--continue-on-failure",
    "--no-color",
)


def test_the_service_keeps_its_contract(server: TestServer, settings: Settings, tmp_path: Path) -> None:
    """Examples, values at the bounds, fuzzing and sequences of calls, with every check there is."""
    rules = {"SCHEMATHESIS_HOOKS": "api.contract_rules", "PYTHONPATH": str(TESTS), "NO_PROXY": "127.0.0.1"}
    with server.copy() as url, Catalogue.filled(url):
        app = create_app(settings.model_copy(update={"database_url": SecretStr(url)}))
        with serving(app) as port:
            command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{port}/openapi.json"]
            run = subprocess.run(
                [*command, *OPTIONS], cwd=tmp_path, env=os.environ | rules, capture_output=True, text=True, check=False
            )
    assert run.returncode == 0, run.stdout + run.stderr
