"""How many are on the line in this process: of one person, and of those who have not said who."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from interfaces.http.errors.problem import Problem

OF_ONE = 200
"""Streams and WebSockets of one person; each costs some 40 KB."""
UNKNOWN = 512
"""WebSockets that are open and have not said yet who they are."""


class Crowd:
    """Counts who is on the line, and lets no more come than may."""

    def __init__(self) -> None:
        self._of: Counter[UUID] = Counter()
        self._unknown = 0

    @contextmanager
    def unknown(self) -> Iterator[None]:
        """Somebody comes who has not said who they are; raises the problem `overloaded`."""
        if self._unknown >= UNKNOWN:
            detail = "Too many are about to say who they are."
            raise Problem("overloaded", detail, headers={"Retry-After": "1"})
        self._unknown += 1
        try:
            yield
        finally:
            self._unknown -= 1

    def must_have_room(self, person_id: UUID) -> None:
        """Refuse a person who has enough lines; raises the problem `rate-limited`."""
        if self._of[person_id] >= OF_ONE:
            detail = f"You have {OF_ONE} streams open; close some."
            raise Problem("rate-limited", detail, headers={"Retry-After": "5"})

    @contextmanager
    def line(self, person_id: UUID) -> Iterator[None]:
        """A person is on the line; raises the problem `rate-limited`."""
        self.must_have_room(person_id)
        self._of[person_id] += 1
        try:
            yield
        finally:
            self._of[person_id] -= 1
            if not self._of[person_id]:
                del self._of[person_id]
