"""The bearer tokens of an attack, signed with a key that the service fetches as JWKS."""

from typing import Any, NamedTuple
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.dev_tokens import SigningKey, claims_of

KEY_ID = "attacks"


class TokenIssuer(NamedTuple):
    """Signs tokens; unlike a key it can be sent to another process."""

    url: str
    """SUPABASE_URL of the service."""
    private_pem: bytes

    def token_of(self, person: UUID, *, key_id: str = KEY_ID, **overrides: Any) -> str:
        """Return a token of a person; for `overrides` see `claims_of`."""
        claims = claims_of(person, **{"iss": f"{self.url}/auth/v1", **overrides})
        return jwt.encode(claims, self.private_pem.decode(), "ES256", headers={"kid": key_id})

    def headers(self, person: UUID) -> dict[str, str]:
        """Return the `Authorization` header of a person."""
        return {"Authorization": f"Bearer {self.token_of(person)}"}


def new_key() -> tuple[bytes, dict[str, Any]]:
    """Return a new private key as PEM, and its public key as a JWK."""
    key = SigningKey(KEY_ID, "ES256")
    pem = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, key.public_jwk
