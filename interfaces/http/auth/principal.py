"""The authenticated user of a request, and the reasons why a token is not accepted."""

from typing import NamedTuple, Protocol
from uuid import UUID


class Principal(NamedTuple):
    """A user whose token was accepted; it is valid until `expires_at` (Unix seconds)."""

    id: UUID
    roles: frozenset[str]
    expires_at: float


class InvalidToken(Exception):
    """The token is not accepted. The message has no value of the token and is shown to clients."""


class IdentityProviderUnavailable(Exception):
    """The public keys to verify a token with cannot be fetched."""


class Authenticator(Protocol):
    """Verifies tokens."""

    def cached_principal(self, token: str) -> Principal | None:
        """Return the owner of a token that was verified recently, without a signature check."""

    async def __call__(self, token: str) -> Principal:
        """Return the owner of a token.

        Raises: InvalidToken if it is not accepted, IdentityProviderUnavailable if it cannot be
        verified at present.
        """
