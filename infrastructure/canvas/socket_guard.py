"""Checks addresses where a socket is created, so that no connection to a private address opens.

A check in the resolver is not enough: numeric addresses bypass it, and a name can resolve to
another address the next time. The socket always gets the final address.
"""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import AddrInfoType

METADATA_NETWORKS = tuple(
    ip_network(network)
    for network in (
        "169.254.0.0/16",  # every cloud; also tokens of AWS containers
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure's platform services
        "192.0.0.192/32",  # Oracle
        "fd00:ec2::/32",  # AWS: ::254, ::23 for Kubernetes, ::253 for names
        "fd20:ce::/64",  # Google: ::254
        "fd00:c1::/32",  # Oracle
        "fd00:42::/64",  # Scaleway
        "fe80::/10",
    )
)
"""Where clouds serve the credentials of a machine: never reachable, whatever is configured."""
METADATA_HOSTS = frozenset(
    int(IPv4Address(host))
    for host in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
    )
)
"""They are refused as the last 32 bits of any IPv6 address: there a NAT64 prefix has them."""
TRANSLATED_NETWORKS = tuple(
    IPv6Network(network)
    for network in (
        "64:ff9b:1::/48",  # NAT64 of this network: it has the IPv4 address in several places
        "2001::/32",  # Teredo
    )
)
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


def is_metadata_address(address: str) -> bool:
    """Whether a cloud serves instance metadata at an address, in any spelling of it.

    The address may be an old spelling of an IPv4 address, such as `2852039166`.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        try:
            ip = IPv4Address(socket.inet_aton(address))
        except (OSError, ValueError):
            return False
    return _is_metadata(ip)


def _is_metadata(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address):
        embedded = _embedded_ipv4(ip)
        if embedded is not None and _is_metadata(embedded):
            return True
        if int(ip) & 0xFFFFFFFF in METADATA_HOSTS or _is_in(ip, TRANSLATED_NETWORKS):
            return True
        ip = IPv6Address(int(ip))  # without the scope, with which it is in no network
    return _is_in(ip, METADATA_NETWORKS)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if _is_metadata(ip):
        return False
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

    Addresses of instance metadata are never allowed. An IPv4 address inside an IPv6 address must
    be public, except in a socket for both families (`::ffff:`).
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip
        if isinstance(ip, IPv6Address) and _embedded_ipv4(ip) is not None:
            return _is_public(ip)
    if _is_metadata(ip):
        return False
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
