"""Limits on the live connections that are open in this process.

They are counted per person, and together while they are not authenticated.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from interfaces.http.errors.problem import Problem

MAX_CONNECTIONS_PER_PERSON = 200
"""Event streams and WebSockets that one person may have open; each needs about 40 KB."""
MAX_UNAUTHENTICATED_CONNECTIONS = 512
"""WebSockets that may be open before they have sent a valid token."""


class ConnectionLimits:
    """Counts the open live connections and refuses those above a limit."""

    def __init__(self) -> None:
        self._by_person: Counter[UUID] = Counter()
        self._unauthenticated = 0

    @contextmanager
    def unauthenticated(self) -> Iterator[None]:
        """Count a WebSocket until it is authenticated.

        Raises: Problem `overloaded` if too many are open.
        """
        if self._unauthenticated >= MAX_UNAUTHENTICATED_CONNECTIONS:
            detail = "Too many connections have not sent a token yet; connect again in a second."
            raise Problem("overloaded", detail, headers={"Retry-After": "1"})
        self._unauthenticated += 1
        try:
            yield
        finally:
            self._unauthenticated -= 1

    def require_capacity(self, person_id: UUID) -> None:
        """Check that a person may open one more live connection.

        Raises: Problem `rate-limited` if not.
        """
        if self._by_person[person_id] >= MAX_CONNECTIONS_PER_PERSON:
            detail = (
                f"You have {MAX_CONNECTIONS_PER_PERSON} live connections open, which is the limit; "
                "close one and connect again."
            )
            raise Problem("rate-limited", detail, headers={"Retry-After": "5"})

    @contextmanager
    def authenticated(self, person_id: UUID) -> Iterator[None]:
        """Count a live connection of a person during the block.

        Raises: Problem `rate-limited` if they may not open one more.
        """
        self.require_capacity(person_id)
        self._by_person[person_id] += 1
        try:
            yield
        finally:
            self._by_person[person_id] -= 1
            if not self._by_person[person_id]:
                del self._by_person[person_id]
