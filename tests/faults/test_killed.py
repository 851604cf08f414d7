"""Whoever is killed, frozen or restarted: nothing acknowledged is lost, nothing is done twice."""

import asyncio
from random import Random

import pytest

from tests.faults.cluster import House
from tests.faults.fault_injection import KILLS, STOPS
from tests.faults.load import load
from tests.faults.quiescence import everything_holds


@pytest.mark.parametrize("victim", KILLS)
async def test_under_load_whoever_is_killed_loses_nothing(
    house: House, victim: str, seed: int
) -> None:
    chance = Random(seed)
    async with load(house, chance) as journal:
        for _ in range(2):
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            await KILLS[victim](house, chance)
    await everything_holds(house, journal)


@pytest.mark.parametrize("fault", STOPS)
async def test_under_load_whoever_stops_loses_nothing(house: House, fault: str, seed: int) -> None:
    chance = Random(seed)
    async with load(house, chance) as journal:
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        await STOPS[fault](house, chance)
    await everything_holds(house, journal)
