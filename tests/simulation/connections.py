"""Everybody's connection: who they are, where, and how their last run ended."""

from array import array
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from domain.sync_schedule import due_at, wait_of
from tests.simulation.assumptions import Assumptions
from tests.simulation.due_list import DueList
from tests.simulation.institutions import HOUR, sizes

BEGINNING = datetime(2026, 9, 1, tzinfo=UTC)
FULL_AGE = 20 * HOUR
"""Up to how long ago, at the beginning, everything was read."""


def at(seconds: float) -> datetime:
    """The moment so many seconds after the beginning."""
    return BEGINNING + timedelta(seconds=seconds)


def since(moment: datetime) -> float:
    """How many seconds after the beginning a moment is."""
    return (moment - BEGINNING).total_seconds()


def connection(nth: int, chance: Random) -> UUID:
    """An id that says which connection it is, and is random at its end as any other."""
    return UUID(int=nth << 96 | chance.getrandbits(96))


def nth(connection_id: UUID) -> int:
    """Which connection an id is of."""
    return connection_id.int >> 96


class People:
    """One connection each; seconds are of the simulation."""

    def __init__(self, world: Assumptions, chance: Random) -> None:
        many = world.connections
        self._every = world.every
        self.sizes = sizes(world)
        self.ids = [connection(one, chance) for one in range(many)]
        self.host = self._placed(chance)
        fewest, most = max(1, world.courses // 2), max(1, world.courses * 3 // 2)
        self.courses = array("b", [chance.randint(fewest, most) for _ in range(many)])
        self.failures = array("b", [0]) * many
        self.full_at = array("d", [-chance.uniform(0, FULL_AGE) for _ in range(many)])
        self.seen_at = array("d", [0.0]) * many
        self.asked_at = array("d", [0.0]) * many
        self.tries = bytearray(many)
        self.is_live = bytearray(many)
        self.is_full = bytearray(many)
        self.by_hand = bytearray(many)
        self.due = DueList(self.host)
        self.due.begin(self._first(one, world, chance) for one in range(many))

    def rest(self, one: int, now: float, failures: int) -> None:
        """A run has ended, with so many failures in a row by now."""
        self.failures[one] = min(failures, 100)
        self.is_live[one] = 0
        self.due.put(one, self.due_after(one, now))

    def due_after(self, one: int, rested: float) -> float:
        """When a connection is due that rests since then."""
        wait = wait_of(self.ids[one], self.failures[one])
        return since(due_at(at(rested), wait, self._every))

    def _placed(self, chance: Random) -> "array[int]":
        places = array("i")
        for host, size in enumerate(self.sizes):
            places.extend([host] * size)
        chance.shuffle(places)
        return places

    def _first(self, one: int, world: Assumptions, chance: Random) -> float:
        """Somewhere in their wait, or all of them long due."""
        if world.herd:
            return 0.0
        wait = self.due_after(one, 0)
        rested = -chance.uniform(0, wait)
        self.seen_at[one] = rested
        return rested + wait
