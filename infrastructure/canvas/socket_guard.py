"""The address guard at the socket: no connection leaves for an address that is not public.

A resolver alone is bypassed by addresses written as such, and a name may resolve differently the
next time; the socket sees the final address whatever way it was found.
"""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import AddrInfoType

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",  # a cloud's own control plane
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
)


class AddressRefused(OSError):
    """The address is none that a connection may be made to."""


def public_ip(address: str) -> bool:
    """Whether an address belongs to the public internet, also when wrapped in another."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address):
        inner = _unwrapped(ip)
        if inner is not None:
            return _is_public(inner)
        if ip.scope_id or ip not in GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not _is_in(ip, NOT_PUBLIC)


def _unwrapped(ip: IPv6Address) -> IPv4Address | None:
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


def _is_in(ip: IPv4Address | IPv6Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(ip.version == network.version and ip in network for network in networks)


def private_ip(address: str) -> bool:
    """Whether an address may be opened up on purpose: never link-local, where metadata lives."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip
    never = ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved
    return ip.is_loopback or (ip.is_private and not never) or _is_public(ip)


def public_socket(address: AddrInfoType) -> socket.socket:
    """A socket for a public address; raises AddressRefused for any other."""
    return _socket(address, public_ip)


def private_socket(address: AddrInfoType) -> socket.socket:
    """A socket for a place that the settings open up by name and port."""
    return _socket(address, private_ip)


def _socket(address: AddrInfoType, may_be_reached: Callable[[str], bool]) -> socket.socket:
    family, kind, protocol, _, where = address
    scoped = len(where) > len(("host", "port", "flow")) and where[3] != 0
    if scoped or not may_be_reached(str(where[0])):
        raise AddressRefused("the address is not public")
    return socket.socket(family, kind, protocol)
