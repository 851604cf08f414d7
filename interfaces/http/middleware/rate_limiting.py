"""Who asks too much is told when to come back, before anything costly is done for them."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.rate_limiting.counters import WINDOW_SECONDS, RequestCounters
from interfaces.http.auth.principal import (
    Authenticator,
    IdentityProviderUnavailable,
    InvalidToken,
    Principal,
)
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.rate_limits import (
    ANONYMOUS,
    DEFAULT,
    UNLIMITED_PATHS,
    RateLimitPolicy,
)

AuthResult = Principal | InvalidToken | IdentityProviderUnavailable | None
"""Who asks, or why we do not know; None without a token."""


class RateBudget:
    """What one request spends; of several limits the one asked last is told."""

    def __init__(self, counters: RequestCounters) -> None:
        self._counters = counters
        self._last_usage: tuple[RateLimitPolicy, int, int] | None = None

    async def spend(self, policy: RateLimitPolicy, owner: str) -> None:
        """Count the request; raises the problem `rate-limited` when it is one too many."""
        count, seconds_left = await self._counters.add(f"{policy.name}/{owner}", policy.quota)
        self._record_usage(policy, count, seconds_left)

    def require_remaining(self, policy: RateLimitPolicy, owner: str) -> None:
        """Refuse whoever has nothing left, and count nothing."""
        count, seconds_left = self._counters.local_count(f"{policy.name}/{owner}")
        if count >= policy.quota:
            self._record_usage(policy, count + 1, seconds_left)

    def _record_usage(self, policy: RateLimitPolicy, count: int, seconds_left: int) -> None:
        self._last_usage = policy, max(0, policy.quota - count), seconds_left
        if count > policy.quota:
            raise Problem(
                "rate-limited",
                f"More than {policy.quota} in a minute ({policy.name}).",
                headers={"Retry-After": str(seconds_left)},
            )

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The fields of draft-ietf-httpapi-ratelimit-headers, and the three that came before."""
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


class RateLimitMiddleware:
    """ASGI middleware: learns who asks, and lets through who has not asked too much."""

    def __init__(self, app: ASGIApp, counters: RequestCounters) -> None:
        self._app = app
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED_PATHS:
            return await self._app(scope, receive, send)
        budget = RateBudget(self._counters)
        state = scope.setdefault("state", {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *budget.headers]
            await send(message)

        try:
            state["rate_budget"], state["auth_result"] = budget, await _authenticate(scope, budget)
        except Problem as problem:
            await problem_response(problem, scope)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


async def _authenticate(scope: Scope, budget: RateBudget) -> AuthResult:
    """Who asks; an address that sent too many bad tokens has no further one checked."""
    token = bearer_token(scope)
    if token is None:
        await budget.spend(ANONYMOUS, client_address(scope))
        return None
    authenticator: Authenticator = scope["app"].state.authenticator
    principal = authenticator.cached_principal(token)
    if principal is None:
        address = client_address(scope)
        budget.require_remaining(ANONYMOUS, address)
        try:
            principal = await authenticator(token)
        except InvalidToken as error:
            await budget.spend(ANONYMOUS, address)
            return error
        except IdentityProviderUnavailable as error:
            return error
    await budget.spend(DEFAULT, str(principal.id))
    return principal


def bearer_token(scope: Scope) -> str | None:
    """The token a request carries."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() or None if scheme.lower() == "bearer" else None
    return None


def client_address(scope: Scope) -> str:
    """Where a request comes from; whoever has one IPv6 address has all of its /64."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((int(address), 64), strict=False))
    return host
