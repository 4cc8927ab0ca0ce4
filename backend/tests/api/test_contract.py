"""Schemathesis generates requests from the OpenAPI document and checks the responses against it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from app.auth.tokens import Scope, new_key
from app.config import Settings
from app.db.urls import sync_url
from app.main import create_app
from tests.support.api_catalogue import filled_catalogue
from tests.support.api_keys import HEADER, build_api_key, with_keys
from tests.support.databases import TestServer
from tests.support.raw_http import serving

pytestmark = pytest.mark.slow

BACKEND_DIR: Final = Path(__file__).resolve().parents[2]
OPTIONS: Final = (
    "--checks=all",
    "--max-examples=15",
    "--generation-deterministic",
    "--no-shrink",
    "--suppress-health-check=too_slow",  # depends on the load of the machine
    "--continue-on-failure",
    "--no-color",
)


def test_responses_conform_to_the_openapi_document(server: TestServer, settings: Settings, tmp_path: Path) -> None:
    """Examples, boundary values, fuzzing and stateful sequences, with all checks.

    API keys are enabled, so that requests without a key or with an invalid one are checked as well.
    """
    key = new_key()
    environment = {
        "SCHEMATHESIS_HOOKS": "tests.support.contract_rules",
        "PYTHONPATH": str(BACKEND_DIR),
        "NO_PROXY": "127.0.0.1",
    }
    with server.copy() as url, filled_catalogue(url):
        with Session(create_engine(sync_url(url), poolclass=NullPool)) as session:
            session.add(build_api_key(key, Scope.ADMIN))
            session.commit()
        changes = {"database_url": SecretStr(url), "auth_failures_per_minute": 1_000_000}
        app = create_app(with_keys(settings).model_copy(update=changes))
        with serving(app) as port:
            command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{port}/openapi.json"]
            command += [*OPTIONS, f"--header={HEADER}: {key}"]
            run = subprocess.run(
                command, cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True, check=False
            )
    assert run.returncode == 0, run.stdout + run.stderr
