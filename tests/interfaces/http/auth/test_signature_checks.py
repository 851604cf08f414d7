import asyncio
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.http.auth.signature_checks import (
    BURST_SECONDS,
    CPU_SHARE,
    SUSPECT_TURNS,
    SignatureChecks,
)
from tests.deadlines import scaled

CHECK_SECONDS = 0.002


class NotValid(Exception):
    """The signature is not valid."""


class RecordedChecks:
    """Checks of a constant time, and the order in which they were run."""

    def __init__(self) -> None:
        self.checks = SignatureChecks()
        self.order: list[str] = []

    def start(self, address: str, *, valid: bool = True) -> asyncio.Task[dict[str, Any]]:
        """Start one check for an address."""

        def check() -> dict[str, Any]:
            self.order.append(address)
            end = time.perf_counter() + CHECK_SECONDS
            while time.perf_counter() < end:
                pass
            if not valid:
                raise NotValid
            return {"sub": address}

        return asyncio.create_task(self.checks.run(address, check))

    def use_up_time(self) -> None:
        """Let the next checks wait, as after many others."""
        self.checks._credit_seconds = -0.05


async def test_a_result_and_an_error_are_passed_on() -> None:
    recorded = RecordedChecks()
    assert await recorded.start("a") == {"sub": "a"}
    with pytest.raises(NotValid):
        await recorded.start("a", valid=False)


async def test_addresses_take_turns() -> None:
    recorded = RecordedChecks()
    recorded.use_up_time()
    flood = [recorded.start("a") for _ in range(10)]
    others = [recorded.start("b"), recorded.start("c")]
    await asyncio.gather(*flood, *others)
    assert recorded.order[:3] == ["a", "b", "c"]


async def test_an_address_with_failures_comes_after_others_and_is_not_left_out() -> None:
    recorded = RecordedChecks()
    with pytest.raises(NotValid):
        await recorded.start("bad", valid=False)
    recorded.order.clear()
    recorded.use_up_time()
    waiting = [recorded.start("bad"), *(recorded.start(str(nth)) for nth in range(20))]
    await asyncio.gather(*waiting)
    assert recorded.order.index("bad") in range(1, SUSPECT_TURNS + 1)


async def test_checks_use_a_limited_share_of_the_time() -> None:
    recorded = RecordedChecks()
    started = time.monotonic()
    await asyncio.gather(*(recorded.start(str(nth)) for nth in range(40)))
    worked = 40 * CHECK_SECONDS
    assert time.monotonic() - started >= (worked - BURST_SECONDS) / CPU_SHARE * 0.9


async def test_a_client_that_disconnects_costs_no_check() -> None:
    recorded = RecordedChecks()
    recorded.use_up_time()
    waiting = [recorded.start(f"gone-{nth}") for nth in range(5)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await recorded.start("last")
    assert recorded.order == ["last"]


@settings(max_examples=20, deadline=None)
@given(bad=st.lists(st.sampled_from("abcd"), max_size=40), address=st.sampled_from("abcde"))
def test_a_check_is_run_whatever_came_before(bad: list[str], address: str) -> None:
    async def check_all() -> dict[str, Any]:
        recorded = RecordedChecks()
        flood = [recorded.start(each, valid=False) for each in bad]
        await asyncio.sleep(0)
        async with asyncio.timeout(scaled(10)):
            result = await recorded.start(address)
        await asyncio.gather(*flood, return_exceptions=True)
        return result

    assert asyncio.run(check_all()) == {"sub": address}
