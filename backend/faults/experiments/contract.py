"""Schemathesis generates requests from the OpenAPI document, with all its checks and several seeds.

Authentication is on, so that requests without a key or with an invalid one are generated too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from app.auth.tokens import Scope, new_key
from app.db.urls import sync_url
from app.models import ApiKey
from faults.database import connect
from faults.environment import start_postgres, temporary_folder
from faults.experiments.experiment import Criterion, ExperimentResult, Options, Violations, expect_none
from faults.experiments.sample_data import insert_sample_data
from faults.processes import BACKEND, HOST
from faults.workers import Worker, WorkerSupervisor
from tests.support.api_keys import HEADER, SECRET, build_api_key

EXAMPLES: Final = 20_000
SEEDS: Final = 3

_EXAMPLES_PER_OPERATION: Final = 550
"""Yields EXAMPLES over all operations and seeds."""
_CLI_OPTIONS: Final = (
    "--checks=all",
    "--no-shrink",
    "--suppress-health-check=all",  # a busy machine is not a failure
    "--continue-on-failure",
    "--no-color",
    "--report=json",
    "--report-json-path=report.json",
)
_AUTH_SETTINGS: Final = {
    "AUTH_MODE": "writes",
    "APP_AUTH_KEY_SECRET": SECRET,
    "APP_AUTH_FAILURES_PER_MINUTE": "1000000",  # invalid keys must not be throttled
}
_SERVER_ERROR: Final = "erver error"


@dataclass(slots=True)
class Measurements:
    n: int = 0
    server_errors: Violations = field(default_factory=Violations)
    other_failures: Violations = field(default_factory=Violations)

    def record(self, seed: int, report: Mapping[str, Any]) -> None:
        """Add a report; a missing one counts as a failure."""
        self.n += report.get("test_cases", {}).get("generated", 0)
        for failure in [*report.get("failures", ["no report"]), *report.get("errors", [])]:
            description = f"seed {seed}: {json.dumps(failure)[:2000]}"
            (self.server_errors if _SERVER_ERROR in description else self.other_failures).record(description)


def run(options: Options) -> ExperimentResult:
    """One run for each seed, each on a service and a database of its own."""
    seen, key = Measurements(), new_key()
    with _start_services(options, build_api_key(key, Scope.ADMIN)) as services, ThreadPoolExecutor(SEEDS) as threads:
        reports = threads.map(lambda seed: _run_schemathesis(options, seed, services[seed], key), services)
        for seed, report in zip(services, reports, strict=True):
            seen.record(seed, report)
    minimum = options.scaled(EXAMPLES)
    criteria = [
        expect_none("server errors", seen.server_errors, n=seen.n),
        expect_none("other failures", seen.other_failures, n=seen.n),
        Criterion(f"{seen.n:,} examples", f"≥ {minimum:,}", is_met=seen.n >= minimum),
    ]
    return ExperimentResult(seen.n, criteria, f"{SEEDS} seeds from {options.seed}")


def _run_schemathesis(options: Options, seed: int, worker: Worker, key: str) -> dict[str, Any]:
    """The JSON report; empty if there is none."""
    environment = {"SCHEMATHESIS_HOOKS": "tests.support.contract_rules", "PYTHONPATH": str(BACKEND), "NO_PROXY": HOST}
    max_examples = options.scaled(_EXAMPLES_PER_OPERATION)
    arguments = (f"--seed={seed}", f"--max-examples={max_examples}", f"--header={HEADER}: {key}")
    subprocess.run(  # noqa: S603  this interpreter and an installed package
        [sys.executable, "-m", "schemathesis.cli", "run", f"{worker.url}/openapi.json", *_CLI_OPTIONS, *arguments],
        cwd=worker.folder,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )
    report = worker.folder / "report.json"
    return json.loads(report.read_text()) if report.exists() else {}


@contextmanager
def _start_services(options: Options, key: ApiKey) -> Iterator[dict[int, Worker]]:
    """A worker for each seed, each with a copy of one database."""
    with temporary_folder() as folder, start_postgres(folder) as (_, address), ExitStack() as stack:
        insert_sample_data(address.libpq_url)
        _insert_key(address.url, key)
        services = {}
        for seed in range(options.seed, options.seed + SEEDS):
            name = f"seed_{seed}"
            _copy_database(address.libpq_url, name)
            subfolder = folder / name
            subfolder.mkdir()
            url = replace(address, database=name).url
            supervisor = WorkerSupervisor(subfolder, url, 1, options.app_factory, _AUTH_SETTINGS)
            (services[seed],) = stack.enter_context(supervisor.running())
        yield services


def _insert_key(url: str, key: ApiKey) -> None:
    with Session(create_engine(sync_url(url), poolclass=NullPool)) as session, session.begin():
        session.add(key)


def _copy_database(url: str, name: str) -> None:
    """Requires that the original has no open connection."""
    with connect(url.replace("/super?", "/postgres?")) as server, server.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE super')
