"""Who asks, and why we may not know."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
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


Identify = Callable[[str], Awaitable[Person]]
"""Tells whose token it is; raises NotIdentified or IdentityUnavailable."""
