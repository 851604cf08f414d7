"""Decides whether a request comes from this machine, and from a page of this service."""

from urllib.parse import urlsplit

from starlette.types import Scope

from interfaces.http.server.trusted_networks import LOOPBACK_NETWORKS, TrustedNetworks

FORWARDING_HEADERS = frozenset(
    {
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
    }
)
"""Headers that a proxy adds: who sends the request is then not on this machine, or not known."""
_LOOPBACK = TrustedNetworks(LOOPBACK_NETWORKS)


def is_from_this_machine(scope: Scope) -> bool:
    """Return whether a browser or program on this machine sends a request, without a proxy.

    The header `Host` must be a loopback name too: otherwise a page of another site, whose name
    resolves to a loopback address later (DNS rebinding), could send the request.
    """
    peer = scope["client"][0] if scope.get("client") else ""
    headers = _headers(scope)
    if FORWARDING_HEADERS.intersection(headers) or peer not in _LOOPBACK:
        return False
    return _is_loopback_name(headers.get("host", ""))


def is_from_own_page(scope: Scope) -> bool:
    """Return whether a page of this service sends a request, as its browser states.

    A page cannot set `Sec-Fetch-Site` and `Origin` itself. A browser without the first sends the
    second with each POST.
    """
    headers = _headers(scope)
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    own = f"{scope['scheme']}://{headers.get('host', '')}".lower()
    if site is None:
        return origin is not None and origin.lower() == own
    return site == "same-origin" and (origin is None or origin.lower() in {own, "null"})


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _is_loopback_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or name in _LOOPBACK
