"""Checks that SUPABASE_ANON_KEY is the key for browsers, because the console sends it to all."""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from typing import Any

import orjson

ADVICE = (
    "should be the anon key or the publishable key of the project (Settings > API keys), which is"
    " made for browsers"
)
JWT_PARTS = 3


def parse_anon_key(value: str) -> str:
    """Return the key without blanks around it.

    Raises: ValueError if it is a key that must stay secret, or no key at all.
    """
    key = value.strip()
    if key.startswith("sb_secret_"):
        raise ValueError(f"{ADVICE}; this is a secret key, and browsers must not have it")
    claims = _claims_of(key)
    role = claims.get("role", "anon") if claims else "anon"
    if role != "anon":
        kind = "service role key" if role == "service_role" else "token of another role"
        raise ValueError(f"{ADVICE}; this is a {kind}, and browsers must not have it")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(f"{ADVICE}; it has no spaces")
    return key


def _claims_of(key: str) -> dict[str, Any] | None:
    """Return the claims of a JWT, whose signature is not verified; None if it is no JWT."""
    parts = key.split(".")
    if len(parts) != JWT_PARTS:
        return None
    try:
        claims = orjson.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, Base64Error):
        return None
    return claims if isinstance(claims, dict) else None
