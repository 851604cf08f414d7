"""Listening on a port, or saying plainly why not."""

import socket


class PortUnavailable(Exception):
    """Somebody else listens where we were told to."""


def listen(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Listen at once, so that nobody else takes the port meanwhile; raises PortUnavailable."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise build_port_error(host, port, error, option=option) from error


def build_port_error(
    host: str, port: int, error: OSError, *, option: str = "--port"
) -> PortUnavailable:
    """Why a port cannot be had, and the way out."""
    reason = error.strerror or str(error)
    return PortUnavailable(
        f"{host}:{port} cannot be listened on ({reason}): name another with {option}."
    )


def url_of(listener: socket.socket) -> str:
    """Where a listener is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
