"""Opens listening sockets, with a clear error if that is not possible."""

import errno
import os
import socket
from types import TracebackType
from typing import Self

BACKLOG = 2048
"""Connections that wait in the kernel until the event loop accepts them."""
ALL_ADDRESSES = frozenset({"", "*", "::"})
"""Hosts that mean every address of this machine, of both families."""
WITHOUT_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""Errors of an address family that this machine does not have."""


class PortUnavailable(Exception):
    """The process cannot listen on the configured host and port."""


class Listener:
    """The sockets that listen on one port: one, or one for each address of a host name."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self.sockets = sockets

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port, also if the system has chosen it."""
        return int(self.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Close all sockets."""
        for each in self.sockets:
            each.close()


def listen(host: str, port: int, *, option: str = "--port") -> Listener:
    """Open the sockets of a host. Called early, so that no other process can take the port.

    `::`, `*` and an empty host are all addresses of both families, a name such as `localhost` is
    every address that it has. `option` is the setting that the message names.

    Raises: PortUnavailable.
    """
    host = host.strip().removeprefix("[").removesuffix("]")
    try:
        return Listener(
            [_listen_everywhere(port)] if host in ALL_ADDRESSES else _listen_on_each(host, port)
        )
    except OSError as error:
        raise build_port_error(host, port, error, option=option) from error


def _listen_everywhere(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return _create("::", port, socket.AF_INET6, is_dual=True)
        except OSError as error:
            # A machine can have the family compiled in, and no address of it.
            if error.errno not in WITHOUT_FAMILY:
                raise
    return _create("0.0.0.0", port, socket.AF_INET)  # noqa: S104  # the user wants all addresses


def _listen_on_each(host: str, port: int) -> list[socket.socket]:
    flags = socket.AI_PASSIVE
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    # IPv4 first: its address is the one that most clients of a name try.
    addresses = sorted({(family, str(address[0])) for family, _, _, _, address in found})
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in addresses:
        try:
            sockets.append(_create(address, port, socket.AddressFamily(family)))
        except OSError as error:
            failure = error
            if error.errno in WITHOUT_FAMILY:
                continue
            Listener(sockets).close()
            raise
        port = sockets[0].getsockname()[1]
    if not sockets and failure:
        raise failure
    return sockets


def _create(
    address: str, port: int, family: socket.AddressFamily, *, is_dual: bool = False
) -> socket.socket:
    return socket.create_server(
        (address, port), family=family, backlog=BACKLOG, dualstack_ipv6=is_dual
    )


def build_port_error(
    host: str, port: int, error: OSError, *, option: str = "--port"
) -> PortUnavailable:
    """Return the exception whose message has the reason and the option to change."""
    is_unknown_name = isinstance(error, socket.gaierror)
    # The text of the error repeats the address.
    reason = error.strerror if is_unknown_name or not error.errno else os.strerror(error.errno)
    is_host = is_unknown_name or error.errno in WITHOUT_FAMILY
    advice = (
        "choose an address of this machine with --host"
        if is_host
        else f"choose another port with {option}"
    )
    return PortUnavailable(f"Cannot listen on {host or '*'}:{port} ({reason or error}); {advice}.")


def url_of(listener: Listener) -> str:
    """Return the http URL of a listener; of a name with several addresses, that of the first."""
    host, port = listener.sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
