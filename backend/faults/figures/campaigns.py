"""The campaigns by name, in the order in which they run."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from faults.figures.contract import contract
from faults.figures.figure import Figure
from faults.figures.frozen import frozen
from faults.figures.hang_ups import hang_ups
from faults.figures.hostile import hostile
from faults.figures.keep_alive import keep_alive
from faults.figures.memory import memory
from faults.figures.plan import Plan
from faults.figures.pool import pool
from faults.figures.read_after_write import read_after_write
from faults.figures.restarts import restarts
from faults.figures.round_trips import round_trips

Campaign = Callable[[Plan], Figure]

CAMPAIGNS: Final[Mapping[str, Campaign]] = MappingProxyType(
    {
        "read-after-write": read_after_write,
        "round-trips": round_trips,
        "pool": pool,
        "frozen": frozen,
        "hang-ups": hang_ups,
        "hostile": hostile,
        "keep-alive": keep_alive,
        "restarts": restarts,
        "schemathesis": contract,
        "memory": memory,
    }
)
