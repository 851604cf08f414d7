"""Processes that are killed, frozen or restarted: no command is lost or executed twice."""

import asyncio
from random import Random

import pytest

from tests.faults.cluster import Cluster
from tests.faults.fault_injection import KILLS, STOPS
from tests.faults.load import running_load
from tests.faults.quiescence import assert_invariants


@pytest.mark.parametrize("victim", KILLS)
async def test_a_killed_process_under_load_loses_nothing(
    cluster: Cluster, victim: str, seed: int
) -> None:
    rng = Random(seed)
    async with running_load(cluster, rng) as client_log:
        for _ in range(2):
            await asyncio.sleep(rng.uniform(0.3, 1.5))
            await KILLS[victim](cluster, rng)
    await assert_invariants(cluster, client_log)


@pytest.mark.parametrize("fault", STOPS)
async def test_a_stopped_process_under_load_loses_nothing(
    cluster: Cluster, fault: str, seed: int
) -> None:
    rng = Random(seed)
    async with running_load(cluster, rng) as client_log:
        await asyncio.sleep(rng.uniform(0.3, 1.5))
        await STOPS[fault](cluster, rng)
    await assert_invariants(cluster, client_log)
