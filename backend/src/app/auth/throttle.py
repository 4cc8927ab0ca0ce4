"""Counting by client in fixed windows of time, and the limit on failed authentication."""

import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Final

from app.errors import RateLimitedError

MAX_CLIENTS: Final = 100_000
_FAILURE_WINDOW_SECONDS: Final = 60
_IPV6_CLIENT_PREFIX: Final = 64


class WindowCounter:
    """Counts by client within one window, in this process. A new window discards the counts of the previous one.

    At most `max_clients` are tracked: one more discards all counts, so that a full table never rejects new clients.
    """

    def __init__(self, *, max_clients: int = MAX_CLIENTS) -> None:
        self._max_clients = max_clients
        self._window = 0
        self._counts: dict[str, int] = {}

    def add(self, client: str, *, window: int, amount: int = 1) -> int:
        """Add `amount` to the client's count in the window with this number; return the new count, at least 0."""
        if window != self._window:
            self._window, self._counts = window, {}
        if client not in self._counts and len(self._counts) >= self._max_clients:
            self._counts = {}
        count = self._counts[client] = max(0, self._counts.get(client, 0) + amount)
        return count


class FailedAttemptLimiter:
    """Limits failed authentication attempts per client network and minute.

    An attempt is counted before its key is verified, so concurrent attempts cannot exceed the limit. The first attempt
    after a window has ended starts the next one. `clock` returns monotonic seconds.
    """

    def __init__(self, *, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._clock = clock
        self._counter = WindowCounter()
        self._window = 0
        self._window_end = float("-inf")

    def record(self, address: str) -> None:
        """Count a failed attempt."""
        self._add(address, 1)

    def reserve(self, address: str) -> None:
        """Count an attempt in advance. Raises RateLimitedError, and counts nothing, if the limit is reached."""
        if self._add(address, 1) > self._limit:
            self.refund(address)
            raise RateLimitedError(retry_after=max(1, ceil(self._window_end - self._clock())))

    def refund(self, address: str) -> None:
        """Undo `reserve` for an attempt that did not fail."""
        self._add(address, -1)

    def _add(self, address: str, amount: int) -> int:
        now = self._clock()
        if now >= self._window_end:
            self._window += 1
            self._window_end = now + _FAILURE_WINDOW_SECONDS
        return self._counter.add(client_network(address), window=self._window, amount=amount)


@lru_cache(maxsize=4096)
def client_network(address: str) -> str:
    """The address itself, or the /64 network of an IPv6 address, which belongs to a single client."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _IPV6_CLIENT_PREFIX), strict=False))
    return address
