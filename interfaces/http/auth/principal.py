"""Who asks, and why we may not know."""

from typing import NamedTuple, Protocol
from uuid import UUID


class Principal(NamedTuple):
    """Somebody whose token is good, until `expires_at` (Unix seconds)."""

    id: UUID
    roles: frozenset[str]
    expires_at: float


class InvalidToken(Exception):
    """The token is none we accept; the message may be shown."""


class IdentityProviderUnavailable(Exception):
    """The keys to check a token with cannot be had just now."""


class Authenticator(Protocol):
    """Tells whose token it is."""

    def cached_principal(self, token: str) -> Principal | None:
        """Whose it is, when it was found good not long ago: that costs next to nothing."""

    async def __call__(self, token: str) -> Principal:
        """Whose it is; raises InvalidToken or IdentityProviderUnavailable."""
