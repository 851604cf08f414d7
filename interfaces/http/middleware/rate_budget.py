"""Counts what one request uses of its rate limits, and reports the rest in response headers."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope

from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.rate_limiting.sliding_window import WINDOW_SECONDS
from interfaces.http.errors.problem import Problem
from interfaces.http.middleware.rate_limit_policies import RateLimitPolicy


class RateLimitExceeded(Problem):
    """The problem `rate-limited`: the quota of a policy was used up in the last minute."""

    def __init__(self, policy: RateLimitPolicy, seconds_left: int) -> None:
        super().__init__(
            "rate-limited",
            f"You have sent more than the {policy.quota} requests a minute that the rate limit"
            f" `{policy.name}` allows. Retry after {seconds_left} seconds.",
            headers={"Retry-After": str(seconds_left)},
        )


class RateBudget:
    """The rate limits of one request; the headers report the limit that was checked last.

    `owner` is the id of a user or a `client_address`: each has a quota of its own.
    """

    def __init__(self, counters: RequestCounters) -> None:
        self._counters = counters
        self._last_usage: tuple[RateLimitPolicy, int, int] | None = None

    async def spend(self, policy: RateLimitPolicy, owner: str) -> None:
        """Count one request of the owner.

        Raises: RateLimitExceeded if this is one more than the quota.
        """
        count, seconds_left = await self._counters.add(f"{policy.name}/{owner}", policy.quota)
        self._record_usage(policy, count, seconds_left)

    def _record_usage(self, policy: RateLimitPolicy, count: int, seconds_left: int) -> None:
        self._last_usage = policy, max(0, policy.quota - count), seconds_left
        if count > policy.quota:
            raise RateLimitExceeded(policy, seconds_left)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The `RateLimit` fields as name and value; empty if no limit was checked.

        `RateLimit` and `RateLimit-Policy` follow draft-ietf-httpapi-ratelimit-headers, the other
        three an earlier version of it.
        """
        if self._last_usage is None:
            return []
        (name, quota), remaining, seconds_left = self._last_usage
        return [
            (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (name.encode(), quota, WINDOW_SECONDS)),
            (b"ratelimit", b'"%s";r=%d;t=%d' % (name.encode(), remaining, seconds_left)),
            (b"ratelimit-limit", b"%d" % quota),
            (b"ratelimit-remaining", b"%d" % remaining),
            (b"ratelimit-reset", b"%d" % seconds_left),
        ]


def client_address(scope: Scope) -> str:
    """Return the address that a request without a user is counted by.

    For IPv6 that is the /64 network: a client can use any address in it (RFC 4291, section 2.5.1).
    """
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((int(address), 64), strict=False))
    return host
