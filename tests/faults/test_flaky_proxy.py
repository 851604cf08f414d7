"""Whatever the line to PostgreSQL does: nothing is lost, nobody waits for ever, and it mends."""

import asyncio
from random import Random

import pytest

from tests.faults.cluster import House
from tests.faults.fault_injection import LINES
from tests.faults.load import load
from tests.faults.quiescence import everything_holds


@pytest.mark.parametrize("fault", LINES)
async def test_under_load_a_bad_line_loses_nothing(house: House, fault: str, seed: int) -> None:
    chance = Random(seed)
    async with load(house, chance) as journal:
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        await LINES[fault](house, chance)
        await asyncio.sleep(1)
    await everything_holds(house, journal)
