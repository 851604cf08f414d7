"""Finds what differs between the documents of a release and those of the present program.

A member that a document had must have the same value now. Members that are new are ignored, at
every depth, because clients ignore members that they do not know.
"""

import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tests.replay.release_files import Documents

MISSING = object()
"""Stands for a member that no longer exists."""


class Difference(NamedTuple):
    """A member with another value now."""

    member: str
    """The member without indexes, such as `assignments[].status`."""
    place: str
    """The same with indexes, such as `assignments[3].status`."""
    before: Any
    now: Any

    def __str__(self) -> str:
        now = "missing" if self.now is MISSING else reprlib.repr(self.now)
        return f"{self.place} was {reprlib.repr(self.before)} and is {now}"


class AllowedDifference(NamedTuple):
    """A change of one member that the API made on purpose."""

    reason: str
    is_allowed: Callable[[Any, Any], bool] = lambda _before, _now: True
    """Whether a change from the first value to the second one is meant."""


def find_differences(before: Documents, now: Documents) -> list[Difference]:
    """Return the differences between all documents of one person."""
    return [
        difference
        for query, documents in before.items()
        for difference in _differences(
            documents, now.get(query, MISSING), query.partition(".")[0], query
        )
    ]


def find_unexpected(
    differences: Iterable[Difference], allowed: Mapping[str, AllowedDifference]
) -> list[str]:
    """Return a description of each difference that is not allowed."""
    return [str(difference) for difference in differences if not _is_allowed(difference, allowed)]


def find_unused(
    differences: Iterable[Difference], allowed: Mapping[str, AllowedDifference]
) -> list[str]:
    """Return the members for which a difference is allowed that does not occur."""
    return sorted(allowed.keys() - {difference.member for difference in differences})


def _is_allowed(difference: Difference, allowed: Mapping[str, AllowedDifference]) -> bool:
    rule = allowed.get(difference.member)
    return rule is not None and rule.is_allowed(difference.before, difference.now)


def _differences(before: Any, now: Any, member: str, place: str) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name, value in before.items():
            yield from _differences(
                value, now.get(name, MISSING), f"{member}.{name}", f"{place}.{name}"
            )
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (value, other) in enumerate(zip(before, now, strict=True)):
            yield from _differences(value, other, f"{member}[]", f"{place}[{index}]")
    elif before != now or isinstance(before, bool) != isinstance(now, bool):
        yield Difference(member, place, before, now)
