import pytest

from infrastructure.rate_limiting.counters import RequestCounters
from interfaces.http.middleware.rate_budget import RateBudget, RateLimitExceeded, client_address
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS, REBUILD
from tests.interfaces.http.middleware.quotas import use_up


@pytest.fixture
def counters() -> RequestCounters:
    return RequestCounters(now=lambda: 90.0)


async def test_a_request_above_the_quota_is_refused(counters: RequestCounters) -> None:
    await use_up(counters, REBUILD, "ada", remaining=1)
    budget = RateBudget(counters)
    await budget.spend(REBUILD, "ada")
    await budget.spend(REBUILD, "bob")
    with pytest.raises(RateLimitExceeded) as refused:
        await budget.spend(REBUILD, "ada")
    assert (refused.value.slug, refused.value.headers) == ("rate-limited", {"Retry-After": "31"})


async def test_the_headers_report_the_limit_that_was_checked_last(
    counters: RequestCounters,
) -> None:
    budget = RateBudget(counters)
    assert budget.headers == []
    await budget.spend(ANONYMOUS, "192.0.2.7")
    await budget.spend(REBUILD, "ada")
    assert (b"ratelimit", b'"rebuild";r=59;t=30') in budget.headers
    assert len(budget.headers) == 5


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a socket", "a socket"),
        (None, ""),
    ],
)
def test_an_ipv6_address_counts_as_its_64_network(host: str | None, network: str) -> None:
    assert client_address({"client": host and (host, 1)}) == network
