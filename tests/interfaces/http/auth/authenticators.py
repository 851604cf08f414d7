"""Authenticators for tests of what happens with their results."""

from interfaces.http.auth.principal import (
    Authenticator,
    IdentityProviderUnavailable,
    InvalidToken,
    Principal,
)


class CountingAuthenticator:
    """Passes each token to another authenticator, and counts the verifications."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self.verifications = 0

    @property
    def status(self) -> str:
        return self._authenticator.status

    def cached_principal(self, token: str) -> Principal | None:
        return self._authenticator.cached_principal(token)

    async def __call__(self, token: str, address: str = "") -> Principal:
        self.verifications += 1
        return await self._authenticator(token, address)


class RefusingAuthenticator:
    """Accepts no token."""

    error: Exception = InvalidToken("not accepted")
    status = "ok"

    def cached_principal(self, _: str) -> Principal | None:
        return None

    async def __call__(self, token: str, address: str = "") -> Principal:  # noqa: ARG002  # refused
        raise self.error


class UnavailableAuthenticator(RefusingAuthenticator):
    """Cannot fetch the keys of the identity provider."""

    error = IdentityProviderUnavailable()
