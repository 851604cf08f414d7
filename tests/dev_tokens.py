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


def claims_of(person: UUID = ADA, *roles: str, ttl: float = 3600, **other: Any) -> dict[str, Any]:
    """The claims of a person's access token; an `other` of None takes a claim away."""
    now = time.time()
    said = {
        "sub": str(person),
        "aud": "authenticated",
        "role": "authenticated",
        "iat": int(now) if ttl > 0 else int(now + ttl) - 60,
        "exp": int(now + ttl),
        "app_metadata": {"roles": list(roles)} if roles else {},
        **other,
    }
    return {name: value for name, value in said.items() if value is not None}


def token_of(person: UUID = ADA, *roles: str, ttl: float = 3600, **other: Any) -> str:
    """An HS256 token."""
    return jwt.encode(claims_of(person, *roles, ttl=ttl, **other), SECRET, "HS256")


def bearer(person: UUID = ADA, *roles: str, ttl: float = 3600, **other: Any) -> dict[str, str]:
    """The header of a request by a person."""
    return {"Authorization": f"Bearer {token_of(person, *roles, ttl=ttl, **other)}"}


class SigningKey:
    """A private key of a project, and its public half as a JWK."""

    def __init__(self, key_id: str, algorithm: str) -> None:
        self.key_id = key_id
        self.algorithm = algorithm
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(65537, 2048)
        )

    @property
    def public(self) -> dict[str, Any]:
        """The JWK."""
        form = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        jwk = json.loads(form.to_jwk(self.private.public_key()))
        return {**jwk, "kid": self.key_id, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token signed with this key."""
        named = {"kid": self.key_id, **header}
        headers = {name: value for name, value in named.items() if value is not None}
        return jwt.encode(claims, self.private, self.algorithm, headers=headers)
