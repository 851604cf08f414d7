"""Metrics of every HTTP request."""

from functools import lru_cache

from prometheus_client import Counter, Histogram
from starlette.types import Scope

from infrastructure.observability.instruments import HTTP_REQUESTS, HTTP_SECONDS

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def record_request(scope: Scope, status: int, seconds: float) -> None:
    """Count a request by method, route template and status, never by URL or person."""
    method = scope["method"] if scope["method"] in KNOWN_METHODS else "other"
    route = route_template(scope)
    requests, durations = _instruments(method, route, status)
    requests.inc()
    durations.observe(seconds)


@lru_cache(maxsize=4096)
def _instruments(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return HTTP_REQUESTS.labels(method, route, str(status)), HTTP_SECONDS.labels(method, route)


def route_template(scope: Scope) -> str:
    """Return the path template of the route of a request, or `none`.

    Metrics use the template because there are few, while the number of URLs is unlimited.
    """
    return getattr(scope.get("route"), "path", "none")
