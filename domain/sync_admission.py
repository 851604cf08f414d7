"""Whose turn it is: which of the connections that are due are asked for now."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.circuit_breaker import Circuit
from domain.sync_schedule import Due

ROOM = 1000
"""Runs that may wait for a worker before the clock asks for no more."""
LOOK_EVERY = timedelta(minutes=1)
"""How often the clock looks at everything that is due, from the first on."""
MOST_FRONTS = 64
"""Sets of hosts passed by that are remembered; more are begun anew."""


def left_alone(circuits: Mapping[str, Circuit], now: datetime) -> list[str]:
    """The hosts at which the clock asks for nothing now, but perhaps for a probe."""
    return [origin for origin, circuit in circuits.items() if circuit.state(now) != "closed"]


def to_be_probed(circuits: Mapping[str, Circuit], now: datetime) -> list[str]:
    """The hosts at which the clock asks for one run, those that wait longest first."""
    wanting = [(c.open_until, origin) for origin, c in circuits.items() if c.wants_probe(now)]
    return [origin for _, origin in sorted(wanting)]


def crowded(waiting: Mapping[str, int], room: int = ROOM) -> list[str]:
    """The hosts with as many runs waiting as there is room left: there is always some for others.

    A host alone may fill a half of the room, each of two a third, and so on.
    """
    left = room - sum(waiting.values())
    return [origin for origin, runs in waiting.items() if runs >= left]


def admitted(due: Iterable[Due], waiting: Mapping[str, int], room: int = ROOM) -> list[Due]:
    """Those of the due there is room for, in their order."""
    there, left, found = Counter(waiting), room - sum(waiting.values()), list[Due]()
    for each in due:
        if there[each.origin] < left:
            there[each.origin] += 1
            left -= 1
            found.append(each)
    return found


class Fronts:
    """How far the clock has asked for everything that was due but at some hosts.

    What is due at a host that is left alone or crowded piles up in front of all else, and to pass
    it by each time would take ever longer. What moves back behind a front, as a connection with
    a new token does, is found by the next look from the first on.
    """

    def __init__(self) -> None:
        self._reached: dict[frozenset[str], Due] = {}
        self._looked_at: datetime | None = None

    def start(self, without: frozenset[str], now: datetime) -> Due | None:
        """The last of those that need not be looked at again; None to begin with the first."""
        if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            return None
        usable = [due for hosts, due in self._reached.items() if without and hosts <= without]
        return max(usable, key=place, default=None)

    def reach(self, without: frozenset[str], batch: Sequence[Due], turns: Sequence[Due]) -> None:
        """Remember how far a batch was asked for without a gap, but at these hosts."""
        last = None
        for due, turn in zip(batch, turns, strict=False):
            if due != turn:
                break
            last = due
        if len(self._reached) >= MOST_FRONTS:
            self._reached.clear()
        if last:
            self._reached[without] = last


def place(due: Due) -> tuple[datetime, UUID]:
    """Where a connection stands among all that are due."""
    return due.due_at, due.connection_id
