"""Tests of the hosts at which a worker starts no further run."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sync_admission import SLOW_RUN_SECONDS, RunningSync, hosts_without_place

QUICK, SLOW = 1.0, SLOW_RUN_SECONDS + 1


def running(**seconds_by_origin: list[float]) -> list[RunningSync]:
    return [
        RunningSync(origin, seconds)
        for origin, all_ in seconds_by_origin.items()
        for seconds in all_
    ]


@pytest.mark.parametrize(
    ("runs", "refused"),
    [
        ({"a": [QUICK] * 7}, set()),
        ({"a": [QUICK] * 8}, {"a"}),
        ({"a": [QUICK] * 8, "b": [QUICK] * 4}, {"a", "b"}),
        ({"a": [SLOW] + [QUICK] * 3, "b": [SLOW] * 3}, set()),
        ({"a": [SLOW] + [QUICK] * 3, "b": [SLOW] * 4}, {"a", "b"}),
        ({"a": [SLOW] + [QUICK] * 3, "b": [SLOW] * 4, "c": [QUICK]}, {"a", "b"}),
    ],
)
def test_hosts_that_have_their_share_get_no_place(
    runs: dict[str, list[float]], refused: set[str]
) -> None:
    assert hosts_without_place(running(**runs), 16, 8) == refused


def test_an_operator_can_give_one_host_all_places() -> None:
    assert hosts_without_place(running(a=[QUICK] * 3), 4, 4) == set()
    assert hosts_without_place(running(a=[QUICK] * 3), 4, 3) == {"a"}


@given(
    st.lists(st.sampled_from("abcd"), max_size=60),
    st.integers(2, 40),
    st.booleans(),
)
def test_up_to_four_hosts_never_take_the_last_place(
    requests: list[str],
    places: int,
    are_slow: bool,  # noqa: FBT001  # a test parameter
) -> None:
    """Whatever the order of the requests, a host without a run still finds a place."""
    runs: list[RunningSync] = []
    for origin in requests:
        if len(runs) < places and origin not in hosts_without_place(runs, places, 1):
            runs.append(RunningSync(origin, SLOW if are_slow else QUICK))
    counts = Counter(run.origin for run in runs)
    assert max(counts.values(), default=0) <= (places + 1) // 2
    if places >= 16:
        assert len(runs) < places
