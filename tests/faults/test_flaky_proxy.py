"""Database connections that are cut, stalled or lose responses: no command is lost or repeated."""

import asyncio
from random import Random

import pytest

from tests.faults.cluster import Cluster
from tests.faults.fault_injection import NETWORK_FAULTS
from tests.faults.load import running_load
from tests.faults.quiescence import assert_invariants


@pytest.mark.parametrize("fault", NETWORK_FAULTS)
async def test_a_broken_database_connection_under_load_loses_nothing(
    cluster: Cluster, fault: str, seed: int
) -> None:
    rng = Random(seed)
    async with running_load(cluster, rng) as client_log:
        await asyncio.sleep(rng.uniform(0.3, 1.5))
        await NETWORK_FAULTS[fault](cluster, rng)
        await asyncio.sleep(1)
    await assert_invariants(cluster, client_log)
