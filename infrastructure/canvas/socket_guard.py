"""Checks addresses where a socket is created, so that no connection to a private address opens.

A check in the resolver is not enough: numeric addresses bypass it, and a name can resolve to
another address the next time. The socket always gets the final address.
"""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import AddrInfoType

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64_PREFIX = IPv6Network("64:ff9b::/96")
NON_PUBLIC_NETWORKS = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",  # Azure's platform services
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
)


class AddressNotAllowed(OSError):
    """No connection may be opened to the address."""


def is_public_address(address: str) -> bool:
    """Whether an address is public; an IPv4 address inside an IPv6 address is checked itself."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address):
        embedded = _embedded_ipv4(ip)
        if embedded is not None:
            return _is_public(embedded)
        if ip.scope_id or ip not in GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not _is_in(ip, NON_PUBLIC_NETWORKS)


def _embedded_ipv4(ip: IPv6Address) -> IPv4Address | None:
    if ip in NAT64_PREFIX:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


def _is_in(ip: IPv4Address | IPv6Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(ip.version == network.version and ip in network for network in networks)


def is_allowed_private_address(address: str) -> bool:
    """Whether CANVAS_ALLOW_PRIVATE may allow an address.

    Link-local addresses are never allowed: clouds serve instance metadata there.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip
    is_forbidden = ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved
    return ip.is_loopback or (ip.is_private and not is_forbidden) or _is_public(ip)


def open_public_socket(address: AddrInfoType) -> socket.socket:
    """Create a socket for a public address.

    Raises: AddressNotAllowed if the address is not public.
    """
    return _open_socket(address, is_public_address)


def open_private_socket(address: AddrInfoType) -> socket.socket:
    """Create a socket for a host that CANVAS_ALLOW_PRIVATE lists.

    Raises: AddressNotAllowed if the address is neither public, private nor loopback.
    """
    return _open_socket(address, is_allowed_private_address)


def _open_socket(address: AddrInfoType, is_allowed: Callable[[str], bool]) -> socket.socket:
    family, socket_type, protocol, _, socket_address = address
    has_scope = len(socket_address) > len(("host", "port", "flow")) and socket_address[3] != 0
    if has_scope or not is_allowed(str(socket_address[0])):
        raise AddressNotAllowed("the address is not public")
    return socket.socket(family, socket_type, protocol)
