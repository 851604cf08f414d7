"""Who asks, and why we may not know."""

from typing import NamedTuple, Protocol
from uuid import UUID


class Person(NamedTuple):
    """Somebody whose token is good, until `expires_at` (Unix seconds)."""

    id: UUID
    roles: frozenset[str]
    expires_at: float


class NotIdentified(Exception):
    """The token is none we accept; the message may be shown."""


class IdentityUnavailable(Exception):
    """The keys to check a token with cannot be had just now."""


class Identify(Protocol):
    """Tells whose token it is."""

    def remembered(self, token: str) -> Person | None:
        """Whose it is, when it was found good not long ago: that costs next to nothing."""

    async def __call__(self, token: str) -> Person:
        """Whose it is; raises NotIdentified or IdentityUnavailable."""
