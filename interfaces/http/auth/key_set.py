"""Reads the public keys of a JSON Web Key Set (JWKS, RFC 7517)."""

from typing import Any, NamedTuple

import jwt
import orjson

MIN_RSA_KEY_BITS = 2048

ALGORITHM_BY_KEY_TYPE = {("EC", "P-256"): "ES256", ("RSA", None): "RS256"}
"""The only algorithm of each key type and curve. Keys of other types are ignored."""


class PublicKey(NamedTuple):
    """A public key and the only algorithm that it may verify."""

    algorithm: str
    key: Any


class JwksUnusable(Exception):
    """A key set cannot be used. The message continues a sentence about its address.

    `is_symmetric` is true if the project signs with a shared secret, so that it has no public key.
    """

    def __init__(self, reason: str, *, is_symmetric: bool = False) -> None:
        super().__init__(reason)
        self.is_symmetric = is_symmetric


def parse_jwks(body: bytes) -> dict[str, PublicKey]:
    """Return the usable keys of a JSON Web Key Set by key id; unusable ones are ignored.

    Raises: JwksUnusable if the body is not a JWKS, or has no usable key.
    """
    items = _parse_items(body)
    keys = ((item.get("kid"), _parse_key(item)) for item in items if _is_public_signing_key(item))
    usable = {key_id: key for key_id, key in keys if isinstance(key_id, str) and key}
    if usable:
        return usable
    if not items:
        raise JwksUnusable("lists no keys", is_symmetric=True)
    if all(isinstance(item, dict) and item.get("kty") == "oct" for item in items):
        raise JwksUnusable("lists only keys for shared secrets", is_symmetric=True)
    raise JwksUnusable(
        "lists no key that can be used: EC keys must have the curve P-256, and RSA keys at least"
        f" {MIN_RSA_KEY_BITS} bits"
    )


def _parse_items(body: bytes) -> list[Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise JwksUnusable("answers with a document that is not JSON") from None
    items = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise JwksUnusable("answers with a document that has no list of keys")
    return items


def _is_public_signing_key(item: Any) -> bool:
    return isinstance(item, dict) and "d" not in item and item.get("use", "sig") == "sig"


def _parse_key(item: dict[str, Any]) -> PublicKey | None:
    curve = item.get("crv")
    algorithm = ALGORITHM_BY_KEY_TYPE.get(
        (str(item.get("kty")), curve if curve is None else str(curve))
    )
    if algorithm is None or item.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(item, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    too_short = algorithm == "RS256" and key.key_size < MIN_RSA_KEY_BITS
    return None if too_short else PublicKey(algorithm, key)
