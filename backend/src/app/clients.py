"""Who counts as one client, where all that is known of it is an address."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

_NETWORK_OF_A_CLIENT: Final = 64


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The address; of IPv6, where one client has a whole network of them, the network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _NETWORK_OF_A_CLIENT), strict=False))
    return address
