"""The process of the attacker: prepares, waits for the calm seconds to pass, and attacks."""

import asyncio
from collections import Counter
from typing import NamedTuple

import aiohttp

from tests.attacks.attack import Attack, Attacker
from tests.attacks.attack_registry import ATTACKS
from tests.attacks.measured_processes import Phase, Signals
from tests.attacks.token_issuer import TokenIssuer

POLL_SECONDS = 0.02


class AttackOrder(NamedTuple):
    """Which attack is run on which service, and how large it is."""

    name: str
    url: str
    issuer: TokenIssuer
    canvases: list[str]
    size: float


def attack_service(order: AttackOrder, signals: Signals) -> Counter[str]:
    """Run one attack during the phase ATTACK, and return what it counted."""
    return asyncio.run(_attack_service(order, signals))


async def _attack_service(order: AttackOrder, signals: Signals) -> Counter[str]:
    attack = ATTACKS[order.name]()
    connector = aiohttp.TCPConnector(limit=0, local_addr=(attack.address, 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        attacker = Attacker(
            order.url, order.issuer, order.canvases, order.name, order.size, session
        )
        await attack.prepare(attacker)
        attacker.counts.clear()
        signals.send()
        await _wait_while(signals, Phase.CALM, Phase.STARTING)
        await _run_during_phase(attack, attacker, signals)
        await attack.restore(attacker)
        return Counter(attacker.counts)


async def _run_during_phase(attack: Attack, attacker: Attacker, signals: Signals) -> None:
    running = asyncio.create_task(attack.run(attacker))
    waiting = asyncio.create_task(_wait_while(signals, Phase.ATTACK))
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
        raise AssertionError("The attack has ended before its time.")
    running.cancel()
    await asyncio.wait([running])


async def _wait_while(signals: Signals, *phases: Phase) -> None:
    while signals.phase in phases:  # noqa: ASYNC110  # another process changes it
        await asyncio.sleep(POLL_SECONDS)
