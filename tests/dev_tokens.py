"""Tokens as Supabase signs them, and as it never would."""

import json
import time
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

SECRET = "a-secret-of-tests-that-is-long-enough-for-every-hash-there-is-to-sign-with"
ADA = UUID("00000000-0000-4000-8000-00000000ada1")
BOB = UUID("00000000-0000-4000-8000-00000000b0b1")


def claims_of(
    user_id: UUID = ADA, *roles: str, ttl: float = 3600, **overrides: Any
) -> dict[str, Any]:
    """The claims of a person's access token; an override of None takes a claim away."""
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
    """An HS256 token."""
    return jwt.encode(claims_of(user_id, *roles, ttl=ttl, **overrides), SECRET, "HS256")


def bearer_headers(
    user_id: UUID = ADA, *roles: str, ttl: float = 3600, **overrides: Any
) -> dict[str, str]:
    """The header of a request by a person."""
    return {"Authorization": f"Bearer {token_of(user_id, *roles, ttl=ttl, **overrides)}"}


class SigningKey:
    """A private key of a project, and its public half as a JWK."""

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
        """The JWK."""
        algorithm_class = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        jwk = json.loads(algorithm_class.to_jwk(self.private_key.public_key()))
        return {**jwk, "kid": self.key_id, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token signed with this key."""
        header_values = {"kid": self.key_id, **header}
        headers = {name: value for name, value in header_values.items() if value is not None}
        return jwt.encode(claims, self.private_key, self.algorithm, headers=headers)
