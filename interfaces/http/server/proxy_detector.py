"""Detects a reverse proxy that TRUSTED_PROXIES does not name."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address

import structlog

from interfaces.http.middleware.rate_limit_policies import UNLIMITED_PATHS
from interfaces.http.server.trusted_networks import TrustedNetworks

FORWARDED_HEADERS = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip"})
MIN_FORWARDED_REQUESTS = 20
"""So many requests in a row of one private address with such a header are those of a proxy."""
MIN_REQUESTS = 1000
"""So many without that header may be: a load balancer can send none."""

logger = structlog.get_logger()


class ProxyDetector:
    """Counts the requests in a row that come from one address; requests of monitoring are left out.

    Behind a proxy that is not trusted, all people have one address and share its limits.
    """

    def __init__(
        self, trusted: TrustedNetworks, report: Callable[[str], None] | None = None
    ) -> None:
        self._trusted, self._report = trusted, report
        self._host = ""
        self._requests = self._forwarded_requests = 0
        self._is_reported = False

    def observe(self, host: str, path: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Count one request; report its address once if all of the last requests are from it."""
        if self._is_reported or path.decode("latin-1") in UNLIMITED_PATHS:
            return
        if host != self._host:
            self._host, self._requests, self._forwarded_requests = host, 0, 0
        if not host or host in self._trusted:
            return
        self._requests += 1
        self._forwarded_requests += any(name in FORWARDED_HEADERS for name, _ in headers)
        if self._is_proxy(host):
            self._is_reported = True
            logger.warning("untrusted_proxy", address=host, advice=describe_proxy(host))
            if self._report:
                self._report(host)

    def _is_proxy(self, host: str) -> bool:
        minimum = MIN_FORWARDED_REQUESTS if _is_private(host) else MIN_REQUESTS
        if self._forwarded_requests >= minimum:
            return True
        return self._requests >= MIN_REQUESTS and _is_private(host)


def describe_proxy(host: str) -> str:
    """Return what is wrong if an address is that of a proxy, and the setting to change."""
    return (
        f"All requests come from {host}, which TRUSTED_PROXIES does not name, so all people share "
        f"the limits of this address: if it is your reverse proxy, add {host} or its network to "
        "TRUSTED_PROXIES, and let the proxy set X-Forwarded-For."
    )


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False
