"""Divides the file limit of the process between its clients and what it needs itself."""

from collections.abc import Iterable
from typing import NamedTuple

from infrastructure.canvas.limits import DEFAULT_LIMITS
from infrastructure.postgres.connection_budget import budget_for_roles

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]  # the module is missing there

MAX_CLIENT_CONNECTIONS = 8192
"""Connections of clients in one process, including WebSockets; each needs about 40 KB."""
MIN_CLIENT_CONNECTIONS = 256
"""With fewer the process refuses to start."""
FILES_OF_THE_PROCESS = 96
"""Standard streams, log and key files, event loops, the embedded server, Redis and JWKS."""
ACCEPTED_AT_ONCE = 32
"""Connections that the event loop accepts in one step, before their number is checked."""
HEALTH_CONNECTIONS = 32
"""Connections above the limit, for health checks only."""
METRICS_CONNECTIONS = 32
"""Connections of the listener of METRICS_PORT."""
UNLIMITED_FILES = 1 << 20
"""What counts as the limit if the system has none."""


class FileLimitTooLow(Exception):
    """The process may open too few files to serve; the message names how to raise the limit."""


class FileBudget(NamedTuple):
    """How many files a process may open, and how many of them are for what."""

    limit: int
    """The file limit: RLIMIT_NOFILE."""
    database: int
    """For connections with PostgreSQL."""
    canvas: int
    """For connections with Canvas."""
    clients: int
    """For connections of clients; less than MIN_CLIENT_CONNECTIONS if the limit is too low."""


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard limit, and return the limit that holds."""
    if resource is None:
        return UNLIMITED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # macOS refuses more than OPEN_MAX although the hard limit is infinite.
        for limit in (hard, min(10240, hard) if hard != resource.RLIM_INFINITY else 10240):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
                break
            except (ValueError, OSError):
                continue
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED_FILES if soft == resource.RLIM_INFINITY else soft


def file_budget(roles: Iterable[str], limit: int) -> FileBudget:
    """Divide a file limit for a process with these roles."""
    database = sum(budget_for_roles(roles))
    canvas = canvas_connections(limit)
    reserve = FILES_OF_THE_PROCESS + ACCEPTED_AT_ONCE + HEALTH_CONNECTIONS + METRICS_CONNECTIONS
    clients = max(0, limit - database - canvas - reserve)
    return FileBudget(limit, database, canvas, min(MAX_CLIENT_CONNECTIONS, clients))


def canvas_connections(limit: int) -> int:
    """Return how many connections with Canvas a process may have, by its file limit."""
    return min(DEFAULT_LIMITS.connections, limit // 4)


def require_file_budget(roles: Iterable[str], limit: int) -> FileBudget:
    """Divide a file limit, and check that enough is left for clients.

    Raises: FileLimitTooLow if not.
    """
    budget = file_budget(roles, limit)
    if budget.clients < MIN_CLIENT_CONNECTIONS:
        needed = _least_limit(roles, limit)
        raise FileLimitTooLow(
            f"The process may open {limit} files, of which {budget.clients} are left for "
            f"connections of clients; it needs {MIN_CLIENT_CONNECTIONS}. Raise the limit to at "
            f"least {needed}: `ulimit -n {needed}` in a shell, `LimitNOFILE={needed}` in a unit of "
            "systemd, `ulimits: {nofile: " + str(needed) + "}` in a compose file."
        )
    return budget


def _least_limit(roles: Iterable[str], limit: int) -> int:
    """Return the least multiple of 256 above the limit that is enough for these roles."""
    names, candidate = list(roles), (limit // 256 + 1) * 256
    while file_budget(names, candidate).clients < MIN_CLIENT_CONNECTIONS:
        candidate += 256
    return candidate
