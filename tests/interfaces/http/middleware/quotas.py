"""Uses up rate limits without sending requests."""

from infrastructure.rate_limiting.counters import RequestCounters
from interfaces.http.middleware.rate_limit_policies import RateLimitPolicy


async def use_up(
    counters: RequestCounters, policy: RateLimitPolicy, owner: str, *, remaining: int = 0
) -> None:
    """Count requests of a user or address until `remaining` of the quota are left."""
    for _ in range(policy.quota - remaining):
        await counters.add(f"{policy.name}/{owner}", policy.quota)
