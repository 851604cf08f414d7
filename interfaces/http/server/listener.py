"""Opens listening sockets, with a clear error if that is not possible."""

import socket


class PortUnavailable(Exception):
    """The process cannot listen on the configured host and port."""


def listen(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Open a listening socket. Called early, so that no other process can take the port.

    `option` is the setting that the message names. Raises: PortUnavailable.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise build_port_error(host, port, error, option=option) from error


def build_port_error(
    host: str, port: int, error: OSError, *, option: str = "--port"
) -> PortUnavailable:
    """Return the exception whose message has the reason and the option to change."""
    reason = error.strerror or str(error)
    return PortUnavailable(
        f"Cannot listen on {host}:{port} ({reason}); choose another port with {option}."
    )


def url_of(listener: socket.socket) -> str:
    """Return the http URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
