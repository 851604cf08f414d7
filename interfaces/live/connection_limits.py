"""How many are on the line in this process: of one person, and of those who have not said who."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from interfaces.http.errors.problem import Problem

MAX_CONNECTIONS_PER_PERSON = 200
"""Streams and WebSockets of one person; each costs some 40 KB."""
MAX_UNAUTHENTICATED_CONNECTIONS = 512
"""WebSockets that are open and have not said yet who they are."""


class ConnectionLimits:
    """Counts who is on the line, and lets no more come than may."""

    def __init__(self) -> None:
        self._by_person: Counter[UUID] = Counter()
        self._unauthenticated = 0

    @contextmanager
    def unauthenticated(self) -> Iterator[None]:
        """Somebody comes who has not said who they are; raises the problem `overloaded`."""
        if self._unauthenticated >= MAX_UNAUTHENTICATED_CONNECTIONS:
            detail = "Too many are about to say who they are."
            raise Problem("overloaded", detail, headers={"Retry-After": "1"})
        self._unauthenticated += 1
        try:
            yield
        finally:
            self._unauthenticated -= 1

    def require_capacity(self, person_id: UUID) -> None:
        """Refuse a person who has enough lines; raises the problem `rate-limited`."""
        if self._by_person[person_id] >= MAX_CONNECTIONS_PER_PERSON:
            detail = f"You have {MAX_CONNECTIONS_PER_PERSON} streams open; close some."
            raise Problem("rate-limited", detail, headers={"Retry-After": "5"})

    @contextmanager
    def authenticated(self, person_id: UUID) -> Iterator[None]:
        """A person is on the line; raises the problem `rate-limited`."""
        self.require_capacity(person_id)
        self._by_person[person_id] += 1
        try:
            yield
        finally:
            self._by_person[person_id] -= 1
            if not self._by_person[person_id]:
                del self._by_person[person_id]
