"""Whose turn it is: which of the connections that are due are asked for now."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from domain.circuit import Circuit
from domain.due import Due

ROOM = 1000
"""Runs that may wait for a worker before the clock asks for no more."""


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
