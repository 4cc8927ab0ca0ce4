"""Schemathesis makes requests from the OpenAPI document, with every check that it has, by three seeds.

Writes need a key, so that it is also tried whether they can be done without one, or with a wrong one.
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
from app.config import BACKEND
from app.db.urls import sync_url
from app.models import ApiKey
from faults.catalogue import connected
from faults.cluster import DURABLE, Cluster, scratch_folder
from faults.figures.catalogue import fill
from faults.figures.figure import Figure, Findings, Goal, none_of
from faults.figures.plan import Plan
from faults.processes import HOST
from faults.worker import Worker
from faults.workers import Workers
from tests.support.api_keys import HEADER, SECRET, entity

EXAMPLES: Final = 20_000
SEEDS: Final = 3

_PER_OPERATION: Final = 550
"""Examples that are made of each operation by chance, for EXAMPLES in all over the seeds."""
_OPTIONS: Final = (
    "--checks=all",
    "--no-shrink",
    "--suppress-health-check=all",  # a busy machine is no finding
    "--continue-on-failure",
    "--no-color",
    "--report=json",
    "--report-json-path=report.json",
)
_WITH_KEYS: Final = {
    "AUTH_MODE": "writes",
    "APP_AUTH_KEY_SECRET": SECRET,
    "APP_AUTH_FAILURES_PER_MINUTE": "1000000",  # wrong keys are tried here all the time
}
_SERVER_ERROR: Final = "erver error"


@dataclass(slots=True)
class Seen:
    """What the runs have found, all together."""

    n: int = 0
    errors: Findings = field(default_factory=Findings)
    failures: Findings = field(default_factory=Findings)

    def note(self, seed: int, report: Mapping[str, Any]) -> None:
        """Count a report; a run that has made none is a failure itself."""
        self.n += report.get("test_cases", {}).get("generated", 0)
        for failure in [*report.get("failures", ["there is no report"]), *report.get("errors", [])]:
            said = f"seed {seed}: {json.dumps(failure)[:2000]}"
            (self.errors if _SERVER_ERROR in said else self.failures).note(said)


def contract(plan: Plan) -> Figure:
    """A run for each seed, each on a service and a catalogue of its own."""
    seen = Seen()
    key = new_key()
    with _services(plan, entity(key, Scope.ADMIN)) as services, ThreadPoolExecutor(SEEDS) as threads:
        reports = threads.map(lambda seed: _report(plan, seed, services[seed], key), services)
        for seed, report in zip(services, reports, strict=True):
            seen.note(seed, report)
    least = plan.of(EXAMPLES)
    goals = [
        none_of("server errors", seen.errors, n=seen.n),
        none_of("other failures", seen.failures, n=seen.n),
        Goal(f"{seen.n:,} examples", f"≥ {least:,}", reached=seen.n >= least),
    ]
    examples = [*seen.errors.examples, *seen.failures.examples]
    return Figure("schemathesis", seen.n, plan.seed, goals, f"{SEEDS} seeds from {plan.seed}", examples)


def _report(plan: Plan, seed: int, worker: Worker, key: str) -> dict[str, Any]:
    """What Schemathesis says about one service; nothing if it can't."""
    rules = {"SCHEMATHESIS_HOOKS": "tests.support.contract_rules", "PYTHONPATH": str(BACKEND), "NO_PROXY": HOST}
    chosen = (f"--seed={seed}", f"--max-examples={plan.of(_PER_OPERATION)}", f"--header={HEADER}: {key}")
    subprocess.run(  # noqa: S603  our own interpreter and packages
        [sys.executable, "-m", "schemathesis.cli", "run", f"{worker.url}/openapi.json", *_OPTIONS, *chosen],
        cwd=worker.folder,
        env=os.environ | rules,
        capture_output=True,
        check=False,
    )
    report = worker.folder / "report.json"
    return json.loads(report.read_text()) if report.exists() else {}


@contextmanager
def _services(plan: Plan, key: ApiKey) -> Iterator[dict[int, Worker]]:
    """One for each seed."""
    with scratch_folder() as folder:
        cluster = Cluster(folder, options=DURABLE)
        with cluster.running() as address, ExitStack() as stack:
            fill(address.libpq_url)
            _keep(address.url, key)
            services = {}
            for seed in range(plan.seed, plan.seed + SEEDS):
                name = f"seed_{seed}"
                _copy(address.libpq_url, name)
                own = folder / name
                own.mkdir()
                service = Workers(own, replace(address, database=name).url, 1, plan.factory, _WITH_KEYS)
                (services[seed],) = stack.enter_context(service.running())
            yield services


def _keep(url: str, key: ApiKey) -> None:
    """Let the key be known."""
    with Session(create_engine(sync_url(url), poolclass=NullPool)) as session, session.begin():
        session.add(key)


def _copy(url: str, name: str) -> None:
    """Copy the catalogue, to which nobody may be connected."""
    with connected(url.replace("/super?", "/postgres?")) as server, server.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE super')
