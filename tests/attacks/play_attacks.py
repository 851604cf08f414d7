"""Plays one attack on a running service: calm seconds, the attack, and the time after it."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import aiohttp

from tests.attacks.attack_registry import ATTACKS
from tests.attacks.attack_result import AttackResult
from tests.attacks.attack_service import AttackService
from tests.attacks.attacker_process import AttackOrder, attack_service
from tests.attacks.health_prober import probe_health
from tests.attacks.honest_students import HonestWorld, live_honestly
from tests.attacks.measured_processes import (
    MeasuredProcess,
    Phase,
    PhaseClock,
    measured_process,
)
from tests.scenes.process_usage import cpu_seconds


class Durations(NamedTuple):
    """Seconds before, during and after an attack."""

    calm: float = 5
    attack: float = 30
    after: float = 10


class Witnesses(NamedTuple):
    """The processes beside the service."""

    attacker: MeasuredProcess
    prober: MeasuredProcess
    students: MeasuredProcess


async def play_attack(
    service: AttackService, name: str, durations: Durations, *, size: float = 1
) -> AttackResult:
    """Run an attack, of full size or of a share of it, and return what was measured."""
    clock = PhaseClock()
    load_average = os.getloadavg()[0]
    requests_before = await _hostile_requests(service, name)
    with _witnesses(service, name, size, clock) as witnesses:
        for process in witnesses:
            await asyncio.to_thread(process.wait_until_ready)
        clock.enter(Phase.CALM)
        await asyncio.sleep(durations.calm)
        events, cpu = await service.recorded_events(), cpu_seconds(service.process.pid)
        clock.enter(Phase.ATTACK)
        await asyncio.sleep(durations.attack)
        clock.enter(Phase.AFTER)
        cpu = cpu_seconds(service.process.pid) - cpu
        events = await service.recorded_events() - events
        await asyncio.sleep(durations.after)
        clock.enter(Phase.ENDED)
        counts, health, honest = [await asyncio.to_thread(process.result) for process in witnesses]
    return AttackResult(
        name=name,
        finding=ATTACKS[name].finding,
        counts=counts,
        hostile_requests=await _hostile_requests(service, name) - requests_before,
        health=health,
        honest=honest,
        events=events,
        cpu_share=cpu / durations.attack,
        load_average=load_average,
    )


@contextmanager
def _witnesses(
    service: AttackService, name: str, size: float, clock: PhaseClock
) -> Iterator[Witnesses]:
    order = AttackOrder(name, service.url, service.issuer, service.hostile, size)
    world = HonestWorld(service.url, service.issuer, service.people, service.canvas)
    probed = service.url, service.process.pid, service.nice
    with ExitStack() as stack:
        enter = stack.enter_context
        yield Witnesses(
            enter(measured_process(attack_service, order, clock=clock)),
            enter(measured_process(probe_health, *probed, clock=clock)),
            enter(measured_process(live_honestly, world, clock=clock)),
        )


async def _hostile_requests(service: AttackService, name: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{service.hostile[0]}/control/requests") as response,
    ):
        return int((await response.json()).get(name, 0))
