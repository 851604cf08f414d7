"""The networks whose `X-Forwarded-*` headers count: `TRUSTED_PROXIES`."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, ip_address, ip_network

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")


class TrustedNetworks:
    """Decides whether an address is that of a trusted proxy."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ip_network(network) for network in networks]
        self._contains = lru_cache(maxsize=4096)(self._find)

    def __contains__(self, host: str) -> bool:
        """Whether the address is in one of the networks."""
        return self._contains(host)

    def _find(self, host: str) -> bool:
        try:
            address = ip_address(unmapped(host))
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def with_mapped(self) -> list[str]:
        """Return the networks, and those of IPv4 also as a dual-stack proxy writes them."""
        return [
            form
            for network in self._networks
            for form in (
                (str(network), f"::ffff:{network.network_address}/{96 + network.prefixlen}")
                if isinstance(network, IPv4Network)
                else (str(network),)
            )
        ]


@lru_cache(maxsize=4096)
def unmapped(host: str) -> str:
    """Return an IPv4 address as such if a dual-stack socket reports it as `::ffff:192.0.2.1`."""
    if not host.startswith("::ffff:"):
        return host
    try:
        address = ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or host)
