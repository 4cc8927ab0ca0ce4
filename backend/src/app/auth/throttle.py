"""How many wrong keys a client may present."""

import time
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.errors import RateLimitedError


class FailedAttemptLimiter:
    """Counts wrong keys by the client they came from, as far as its address tells.

    A guess is counted before it is looked up, so that any number of them at once is no way around the limit.
    """

    def __init__(self, *, per_minute: int) -> None:
        self._limit = RateLimitItemPerMinute(per_minute)
        self._storage = MemoryStorage()
        self._limiter = FixedWindowRateLimiter(self._storage)

    def count(self, address: str) -> None:
        self._limiter.hit(self._limit, client_network(address))

    def count_within_limit(self, address: str) -> None:
        """Raises RateLimitedError, and counts nothing, if there were too many within the minute."""
        client = client_network(address)
        if not self._limiter.test(self._limit, client):
            reset = self._limiter.get_window_stats(self._limit, client).reset_time
            raise RateLimitedError(retry_after=max(1, ceil(reset - time.time())))
        self._limiter.hit(self._limit, client)

    def take_back(self, address: str) -> None:
        """What was counted was no wrong key."""
        self._storage.decr(self._limit.key_for(client_network(address)))


_NETWORK_OF_A_CLIENT: Final = 64


@lru_cache(maxsize=4096)
def client_network(address: str) -> str:
    """The address; of IPv6, where one client has a whole network of them, the network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _NETWORK_OF_A_CLIENT), strict=False))
    return address
