"""Who asks too much is told when to come back, before anything costly is done for them."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.rate_limiting.counters import MINUTE, RequestCounts
from interfaces.http.auth.principal import Identify, IdentityUnavailable, NotIdentified, Person
from interfaces.http.errors.problem import Problem, answer
from interfaces.http.middleware.rate_limits import DEFAULT, STRANGERS, UNLIMITED, Policy

Caller = Person | NotIdentified | IdentityUnavailable | None
"""Who asks, or why we do not know; None without a token."""


class Spending:
    """What one request spends; of several limits the one asked last is told."""

    def __init__(self, counts: RequestCounts) -> None:
        self._counts = counts
        self._told: tuple[Policy, int, int] | None = None

    async def spend(self, policy: Policy, whose: str) -> None:
        """Count the request; raises the problem `rate-limited` when it is one too many."""
        times, left = await self._counts.add(f"{policy.name}/{whose}", policy.quota)
        self._tell(policy, times, left)

    def must_be_left(self, policy: Policy, whose: str) -> None:
        """Refuse whoever has nothing left, and count nothing."""
        times, left = self._counts.seen(f"{policy.name}/{whose}")
        if times >= policy.quota:
            self._tell(policy, times + 1, left)

    def _tell(self, policy: Policy, times: int, left: int) -> None:
        self._told = policy, max(0, policy.quota - times), left
        if times > policy.quota:
            raise Problem(
                "rate-limited",
                f"More than {policy.quota} in a minute ({policy.name}).",
                headers={"Retry-After": str(left)},
            )

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The fields of draft-ietf-httpapi-ratelimit-headers, and the three that came before."""
        if self._told is None:
            return []
        (name, quota), remaining, left = self._told
        return [
            (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (name.encode(), quota, MINUTE)),
            (b"ratelimit", b'"%s";r=%d;t=%d' % (name.encode(), remaining, left)),
            (b"ratelimit-limit", b"%d" % quota),
            (b"ratelimit-remaining", b"%d" % remaining),
            (b"ratelimit-reset", b"%d" % left),
        ]


class Rates:
    """ASGI middleware: learns who asks, and lets through who has not asked too much."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            return await self._app(scope, receive, send)
        spending = Spending(self._counts)
        state = scope.setdefault("state", {})

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *spending.headers]
            await send(message)

        try:
            state["spending"], state["caller"] = spending, await _caller(scope, spending)
        except Problem as problem:
            await answer(problem, scope)(scope, receive, telling)
        else:
            await self._app(scope, receive, telling)


async def _caller(scope: Scope, spending: Spending) -> Caller:
    """Who asks; an address that sent too many bad tokens has no further one checked."""
    token = bearer_token(scope)
    if token is None:
        await spending.spend(STRANGERS, address_of(scope))
        return None
    identify: Identify = scope["app"].state.identity
    person = identify.remembered(token)
    if person is None:
        address = address_of(scope)
        spending.must_be_left(STRANGERS, address)
        try:
            person = await identify(token)
        except NotIdentified as stranger:
            await spending.spend(STRANGERS, address)
            return stranger
        except IdentityUnavailable as unavailable:
            return unavailable
    await spending.spend(DEFAULT, str(person.id))
    return person


def bearer_token(scope: Scope) -> str | None:
    """The token a request carries."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() or None if scheme.lower() == "bearer" else None
    return None


def address_of(scope: Scope) -> str:
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
