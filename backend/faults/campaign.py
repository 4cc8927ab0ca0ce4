"""One campaign: run clients while the nemesis injects faults, heal everything, and collect the observations."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from faults.catalogue import Catalogue, install_audit_trail, reset_catalogue
from faults.client import open_client
from faults.database import list_busy_sessions
from faults.environment import Environment, measure_recovery, start_environment
from faults.final_state import FinalState, read_database
from faults.history import History
from faults.leak_probes import measure_resources
from faults.nemesis import Fault, NemesisPlan, read_faults, run_nemesis
from faults.observations import Observations
from faults.postgres import DURABLE
from faults.workers import SERVICE
from faults.workload import DEFAULT_WEIGHTS, MAX_DUPLICATES, Workload

_STALL_SECONDS: Final = 60.0
"""A campaign without an acknowledged write for this long is abandoned."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """The clients' work, the faults, and the system under test. It ends when all minimums are reached."""

    seed: int = 1
    clients: int = 16
    workers: int = 2
    deals: int = 16
    """The number of deals that all clients share."""
    weights: Mapping[str, int] = field(default_factory=lambda: DEFAULT_WEIGHTS)
    duplicates: Sequence[int] = tuple(range(1, MAX_DUPLICATES + 1))
    min_seconds: float = 0.0
    min_writes: int = 0
    """Acknowledged writes."""
    min_keys: int = 0
    """Idempotency keys."""
    fault_kinds: Sequence[str] = ()
    faults: int = 0
    interval: tuple[float, float] = (0.2, 0.8)
    duration: tuple[float, float] = (0.2, 1.0)
    app_factory: str = SERVICE
    path_prefix: str = ""
    """Selects a mutant of the application."""
    postgres_options: Mapping[str, str] = field(default_factory=lambda: DURABLE)


@dataclass(frozen=True, slots=True)
class CampaignResult:
    observations: Observations
    history: History
    faults: Sequence[Fault]
    seconds: float
    keys: int
    is_stalled: bool
    """The campaign was abandoned because writes were no longer acknowledged."""


def start_campaign_environment(campaign: Campaign) -> AbstractContextManager[Environment]:
    return start_environment(
        prepare=install_audit_trail,
        workers=campaign.workers,
        app_factory=campaign.app_factory,
        postgres_options=campaign.postgres_options,
        through_proxy=True,
    )


def run_campaign(campaign: Campaign) -> CampaignResult:
    """Run in a new environment."""
    with start_campaign_environment(campaign) as environment:
        return run_campaign_in(environment, campaign)


def run_campaign_in(environment: Environment, campaign: Campaign) -> CampaignResult:
    """Run in an environment that may have been used before; the catalogue is replaced."""
    catalogue = reset_catalogue(environment.database_url, deals=campaign.deals)
    history, started, plan = History(), time.monotonic(), _make_plan(campaign, environment)
    with run_nemesis(plan) as is_nemesis_finished:
        keys = asyncio.run(
            _run_clients(campaign, environment, catalogue, history, is_nemesis_finished=is_nemesis_finished)
        )
    seconds, stalled = time.monotonic() - started, is_stalled(history, since=started)
    final_state = _collect_final_state(environment)
    observations = Observations(history.operations, final_state, frozenset(catalogue.initial_values))
    return CampaignResult(observations, history, read_faults(plan), seconds, keys, stalled)


async def _run_clients(
    campaign: Campaign,
    environment: Environment,
    catalogue: Catalogue,
    history: History,
    *,
    is_nemesis_finished: Callable[[], bool],
) -> int:
    """Return the number of idempotency keys used."""
    started = time.monotonic()
    deadline = started + campaign.min_seconds
    async with open_client(environment.ports, history, path_prefix=campaign.path_prefix) as client:
        workload = Workload(client, catalogue, campaign.seed, campaign.weights, campaign.duplicates)

        def is_finished() -> bool:
            is_enough = history.acknowledged >= campaign.min_writes and workload.keys >= campaign.min_keys
            is_complete = is_enough and time.monotonic() >= deadline and is_nemesis_finished()
            return is_complete or is_stalled(history, since=started)

        await workload.run(clients=campaign.clients, is_finished=is_finished)
    return workload.keys


def is_stalled(history: History, *, since: float) -> bool:
    """Whether no write has been acknowledged for _STALL_SECONDS."""
    return time.monotonic() - max(history.last_acknowledged, since) > _STALL_SECONDS


def _make_plan(campaign: Campaign, environment: Environment) -> NemesisPlan:
    return NemesisPlan(
        folder=str(environment.folder),
        worker_ports=environment.ports,
        proxy=(environment.proxy.port, str(environment.proxy.control_socket)),
        seed=campaign.seed,
        kinds=campaign.fault_kinds,
        count=campaign.faults,
        interval=campaign.interval,
        duration=campaign.duration,
    )


def _collect_final_state(environment: Environment) -> FinalState:
    healed, url = time.monotonic(), environment.database_url
    recovery = {worker.name: measure_recovery(worker, since=healed) for worker in environment.workers}
    busy_sessions = list_busy_sessions(url)
    deals, audit_trail, rollup_mismatches = read_database(url)
    resources = measure_resources(environment)
    return FinalState(deals, audit_trail, rollup_mismatches, busy_sessions, resources, recovery)
