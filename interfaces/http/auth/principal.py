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
    """The public keys to verify a token with cannot be fetched; retry after some seconds."""

    def __init__(self, retry_seconds: int = 1) -> None:
        super().__init__("The keys of the identity provider cannot be fetched.")
        self.retry_seconds = retry_seconds


class Authenticator(Protocol):
    """Verifies tokens."""

    @property
    def status(self) -> str:
        """`ok`, or why tokens may not be verifiable soon."""

    def cached_principal(self, token: str) -> Principal | None:
        """Return the owner of a token that was verified recently, without a signature check."""

    async def __call__(self, token: str, address: str = "") -> Principal:
        """Return the owner of a token that was sent from an address.

        Raises: InvalidToken if it is not accepted, IdentityProviderUnavailable if it cannot be
        verified at present.
        """
