"""Bearer tokens like those of Supabase, valid and invalid."""

import json
import time
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

SECRET = "a-test-secret-that-is-long-enough-for-HS256-and-for-HS512-which-needs-64-bytes"
"""The JWT secret that signs HS256 tokens."""
ADA = UUID("00000000-0000-4000-8000-00000000ada1")
BOB = UUID("00000000-0000-4000-8000-00000000b0b1")


def claims_of(
    user_id: UUID = ADA, *roles: str, ttl: float = 3600, **overrides: Any
) -> dict[str, Any]:
    """Return claims that expire in `ttl` seconds; an override of None removes a claim."""
    now = time.time()
    claims = {
        "sub": str(user_id),
        "aud": "authenticated",
        "role": "authenticated",
        "iat": int(now) if ttl > 0 else int(now + ttl) - 60,
        "exp": int(now + ttl),
        "app_metadata": {"roles": list(roles)} if roles else {},
        **overrides,
    }
    return {name: value for name, value in claims.items() if value is not None}


def token_of(user_id: UUID = ADA, *roles: str, ttl: float = 3600, **overrides: Any) -> str:
    """Return a token signed with HS256; for the arguments see `claims_of`."""
    return jwt.encode(claims_of(user_id, *roles, ttl=ttl, **overrides), SECRET, "HS256")


def bearer_headers(
    user_id: UUID = ADA, *roles: str, ttl: float = 3600, **overrides: Any
) -> dict[str, str]:
    """Return the `Authorization` header of a person; for the arguments see `claims_of`."""
    return {"Authorization": f"Bearer {token_of(user_id, *roles, ttl=ttl, **overrides)}"}


class SigningKey:
    """A private key, `ES256` or `RS256`, and its public key as a JWK."""

    def __init__(self, key_id: str, algorithm: str) -> None:
        self.key_id = key_id
        self.algorithm = algorithm
        self.private_key: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(65537, 2048)
        )

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public key as an entry of a JWKS."""
        algorithm_class = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        jwk = json.loads(algorithm_class.to_jwk(self.private_key.public_key()))
        return {**jwk, "kid": self.key_id, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Return a signed token; a header of None removes it."""
        header_values = {"kid": self.key_id, **header}
        headers = {name: value for name, value in header_values.items() if value is not None}
        return jwt.encode(claims, self.private_key, self.algorithm, headers=headers)
