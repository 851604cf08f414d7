"""Metrics of every HTTP request."""

from starlette.types import Scope

from infrastructure.observability.instruments import HTTP_REQUESTS, HTTP_SECONDS

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def record_request(scope: Scope, status: int, seconds: float) -> None:
    """Count a request by method, route template and status, never by URL or person."""
    method = scope["method"] if scope["method"] in KNOWN_METHODS else "other"
    route = route_template(scope)
    HTTP_REQUESTS.labels(method, route, str(status)).inc()
    HTTP_SECONDS.labels(method, route).observe(seconds)


def route_template(scope: Scope) -> str:
    """Return the path template of the route of a request, or `none`.

    Metrics use the template because there are few, while the number of URLs is unlimited.
    """
    return getattr(scope.get("route"), "path", "none")
