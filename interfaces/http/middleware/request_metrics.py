"""What is counted of every request."""

from starlette.types import Scope

from infrastructure.observability.instruments import HTTP_REQUESTS, HTTP_SECONDS

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def record_request(scope: Scope, status: int, seconds: float) -> None:
    """Count a request by method, route template and status: never by address or person."""
    method = scope["method"] if scope["method"] in KNOWN_METHODS else "other"
    route = route_template(scope)
    HTTP_REQUESTS.labels(method, route, str(status)).inc()
    HTTP_SECONDS.labels(method, route).observe(seconds)


def route_template(scope: Scope) -> str:
    """The template of the route that served a request: there are few, unlike addresses."""
    return getattr(scope.get("route"), "path", "none")
