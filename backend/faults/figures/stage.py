"""A PostgreSQL of its own, a filled catalogue, and the service's processes, for the length of a campaign."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from faults.cluster import DURABLE, Cluster, scratch_folder
from faults.figures.catalogue import fill
from faults.figures.plan import Plan
from faults.proxy import ProxyControl, proxied
from faults.worker import Worker
from faults.workers import Workers

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_OPEN: Final[Mapping[str, str]] = MappingProxyType({"AUTH_MODE": "off"})
"""Whatever a developer has set."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that takes part, up and well."""

    url: str
    """Of the database, for us; nothing is between it and us."""
    cluster: Cluster
    workers: list[Worker]
    proxy: ProxyControl | None

    @property
    def port(self) -> int:
        """The first worker's."""
        return self.workers[0].port

    @property
    def ports(self) -> list[int]:
        return [worker.port for worker in self.workers]


@contextmanager
def stage(
    plan: Plan, *, workers: int = 1, environment: Mapping[str, str] = _NOTHING, behind_proxy: bool = False
) -> Iterator[Stage]:
    """The application of the plan on a catalogue of its own."""
    with scratch_folder() as folder:
        cluster = Cluster(folder, options=DURABLE)
        with cluster.running() as address:
            fill(address.libpq_url)
            if behind_proxy:
                with proxied(folder, cluster.socket) as proxy:
                    service = Workers(folder, proxy.url, workers, plan.factory, {**_OPEN, **environment})
                    with service.running() as up:
                        yield Stage(address.libpq_url, cluster, up, proxy)
            else:
                service = Workers(folder, address.url, workers, plan.factory, {**_OPEN, **environment})
                with service.running() as up:
                    yield Stage(address.libpq_url, cluster, up, None)
