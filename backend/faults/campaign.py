"""One run: a stage is set, clients play, a nemesis strikes, all is healed, and the evidence is taken."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from devtools.postgres.embedded import ServerAddress
from faults.aftermath import Aftermath, busy_sessions, kept_at
from faults.catalogue import Catalogue, fill, leave_trail, version_of
from faults.client import Client
from faults.cluster import DURABLE, Cluster, scratch_folder
from faults.evidence import Evidence
from faults.history import History
from faults.nemesis import Fault, Plan, faults_of, striking
from faults.probing import at_rest, files_of
from faults.processes import wait_until
from faults.proxy import ProxyControl, proxied
from faults.workers import Worker, Workers
from faults.workload import EVERYTHING, Workload

_BACK_SECONDS: Final = 30.0
_DEAD_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is to be done."""

    seed: int = 1
    players: int = 16
    workers: int = 2
    deals: int = 16
    """That everybody writes to."""
    mix: Mapping[str, int] = field(default_factory=lambda: EVERYTHING)
    at_once: Sequence[int] = tuple(range(1, 9))
    seconds: float = 0.0
    """It takes so long at least, …"""
    writes: int = 0
    """… has so many acknowledged writes at least, …"""
    keys: int = 0
    """… so many idempotency keys …"""
    kinds: Sequence[str] = ()
    faults: int = 0
    """… and so many faults of these kinds."""
    gap: tuple[float, float] = (0.2, 0.8)
    hold: tuple[float, float] = (0.2, 1.0)
    factory: str = "app.main:create_app"
    path: str = ""
    """What comes before every path: which variant of a factory that has several."""
    options: Mapping[str, str] = field(default_factory=lambda: DURABLE)
    """Of PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it."""

    evidence: Evidence
    history: History
    faults: Sequence[Fault]
    seconds: float
    keys: int
    is_dead: bool
    """It ended before it had done all it was to do, because no write was acknowledged any more."""
    postgres: str
    """Its version."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that takes part, up and well."""

    folder: Path
    cluster: Cluster
    database: ServerAddress
    proxy: ProxyControl
    workers: Sequence[Worker]
    files: Mapping[Worker, int]
    """Descriptors of each worker that has served a first request."""

    @classmethod
    @contextmanager
    def set(cls, campaign: Campaign) -> Iterator["Stage"]:
        with scratch_folder() as folder:
            cluster = Cluster(folder, options=campaign.options)
            with cluster.running() as database, proxied(folder, cluster.socket) as proxy:
                leave_trail(database.libpq_url)
                service = Workers(folder, proxy.url, count=campaign.workers, factory=campaign.factory)
                with service.running() as workers:
                    _ = [_back_after(worker, since=time.monotonic()) for worker in workers]
                    yield cls(folder, cluster, database, proxy, workers, files_of(workers))


def run(campaign: Campaign) -> Run:
    with Stage.set(campaign) as stage:
        return play(campaign, stage)


def play(campaign: Campaign, stage: Stage) -> Run:
    """A run with a new catalogue, on a stage that may have seen others."""
    catalogue = fill(stage.database.libpq_url, deals=campaign.deals)
    history, started, plan = History(), time.monotonic(), _plan(campaign, stage)
    with striking(plan) as is_struck:
        keys = asyncio.run(_play(campaign, stage, catalogue, history, is_struck=is_struck))
    seconds, is_dead = time.monotonic() - started, has_died(history, since=started)
    evidence = Evidence(history.operations, _aftermath(stage), frozenset(catalogue.values))
    return Run(evidence, history, faults_of(plan), seconds, keys, is_dead, version_of(stage.database.libpq_url))


async def _play(
    campaign: Campaign, stage: Stage, catalogue: Catalogue, history: History, *, is_struck: Callable[[], bool]
) -> int:
    """How many idempotency keys were used."""
    started = time.monotonic()
    ends = started + campaign.seconds
    async with Client.of([worker.url + campaign.path for worker in stage.workers], history) as client:
        workload = Workload(client, catalogue, campaign.seed, campaign.mix, campaign.at_once)

        def is_over() -> bool:
            has_enough = history.acknowledged >= campaign.writes and workload.keys >= campaign.keys
            return has_died(history, since=started) or (has_enough and time.monotonic() >= ends and is_struck())

        await workload.run(players=campaign.players, is_over=is_over)
    return workload.keys


def has_died(history: History, *, since: float) -> bool:
    """Whether there is no use in going on: no write was acknowledged for so long."""
    return time.monotonic() - max(history.last_acknowledged, since) > _DEAD_SECONDS


def _plan(campaign: Campaign, stage: Stage) -> Plan:
    return Plan(
        folder=str(stage.folder),
        ports=[worker.port for worker in stage.workers],
        proxy_port=stage.proxy.port,
        seed=campaign.seed,
        kinds=campaign.kinds,
        faults=campaign.faults,
        gap=campaign.gap,
        hold=campaign.hold,
    )


def _aftermath(stage: Stage) -> Aftermath:
    healed, url = time.monotonic(), stage.database.libpq_url
    back = {f"worker {worker.number}": _back_after(worker, since=healed) for worker in stage.workers}
    sessions = busy_sessions(url)
    deals, trail, rollups = kept_at(url)
    return Aftermath(deals, trail, rollups, sessions, at_rest(url, stage.workers, stage.files), back)


def _back_after(worker: Worker, *, since: float) -> float | None:
    """Seconds until the worker gives a page of deals; None if it does not."""
    is_back = wait_until(lambda: worker.answers("/deals?limit=1"), seconds=_BACK_SECONDS)
    return time.monotonic() - since if is_back else None
