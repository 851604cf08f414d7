"""Tokens that must be refused, and the keys and claims that make them."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization

from tests.dev_tokens import ADA, SECRET, SigningKey, claims_of
from tests.interfaces.http.jwks_server import FakeJwksServer

EC_KEY = SigningKey("ec-1", "ES256")
RSA_KEY = SigningKey("rsa-1", "RS256")
FOREIGN_KEY = SigningKey("ec-1", "ES256")
EC_PUBLIC_PEM = EC_KEY.private_key.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def claims(jwks_server: FakeJwksServer, *roles: str, **other: Any) -> dict[str, Any]:
    """Return valid claims of a token of this server; for `other` see `claims_of`."""
    return claims_of(ADA, *roles, **{"iss": f"{jwks_server.url}/auth/v1", **other})


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 1},
    "no-exp": {"exp": None},
    "endless-exp": {"exp": "never"},
    "no-iat": {"iat": None},
    "future-iat": {"iat": int(time.time()) + 3600},
    "future-nbf": {"nbf": int(time.time()) + 3600},
    "no-aud": {"aud": None},
    "wrong-aud": {"aud": "anon"},
    "no-iss": {"iss": None},
    "wrong-iss": {"iss": "https://evil.example/auth/v1"},
    "no-role": {"role": None},
    "anon": {"role": "anon"},
    "service-role": {"role": "service_role"},
    "anonymous": {"is_anonymous": True},
    "no-sub": {"sub": None},
    "sub-no-uuid": {"sub": "ada"},
    "sub-a-number": {"sub": 7},
    "sub-nil": {"sub": "00000000-0000-0000-0000-000000000000"},
}


Signer = Callable[[dict[str, Any]], str]

WRONG_KEYS: dict[str, Signer] = {
    "foreign-key": FOREIGN_KEY.sign,
    "no-kid": lambda claim_set: EC_KEY.sign(claim_set, kid=None),
    "unknown-kid": lambda claim_set: EC_KEY.sign(claim_set, kid="unknown"),
    "kid-of-the-rsa-key": lambda claim_set: EC_KEY.sign(claim_set, kid="rsa-1"),
    "kid-of-the-ec-key": lambda claim_set: RSA_KEY.sign(claim_set, kid="ec-1"),
    "other-secret": lambda claim_set: jwt.encode(claim_set, SECRET[::-1], "HS256"),
}


def forge_token(header: Any, claim_set: Any, signature: bytes = b"") -> str:
    """Return a token with any header and claims, without a valid signature."""
    parts = [json.dumps(header).encode(), json.dumps(claim_set).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def sign_with_public_key(claim_set: dict[str, Any]) -> str:
    """Return a token whose HS256 secret is the public key of EC_KEY."""
    header = {"alg": "HS256", "kid": "ec-1"}
    signing_input = forge_token(header, claim_set).rstrip(".").encode()
    return forge_token(header, claim_set, hmac.digest(EC_PUBLIC_PEM, signing_input, "sha256"))


SELF_CHOSEN_CHECKS: dict[str, Signer] = {
    "none": lambda claim_set: forge_token({"alg": "none"}, claim_set),
    "none-with-a-kid": lambda claim_set: forge_token({"alg": "None", "kid": "ec-1"}, claim_set),
    "hs256-with-the-pem": sign_with_public_key,
    "hs512-with-the-secret": lambda claim_set: jwt.encode(claim_set, SECRET, "HS512"),
    "its-own-jwk": lambda claim_set: FOREIGN_KEY.sign(claim_set, jwk=FOREIGN_KEY.public_jwk),
    "its-own-jwk-under-a-new-kid": lambda claim_set: FOREIGN_KEY.sign(
        claim_set, jwk=FOREIGN_KEY.public_jwk, kid="evil"
    ),
    "crit": lambda claim_set: EC_KEY.sign(claim_set, crit=["exp"]),
}
"""Forged tokens that a verifier would accept if it trusted the header of the token."""
