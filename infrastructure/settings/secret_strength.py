"""Decides whether a secret of the environment can be guessed, because it is short or published."""

import hmac
import math
import re
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import orjson

MIN_SECRET_BYTES = 32
MIN_ENTROPY_BITS = 80.0
"""Bits of Shannon entropy below which a secret is not random; 32 random digits have about 100."""

WAY_OUT = "use the output of `openssl rand -hex 32`"

PUBLISHED_SECRETS = (
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "your-super-secret-jwt-token-with-at-least-32-characters-long",
    "your-encryption-key-32-chars-min",
    "your-32-character-encryption-key",
    "UpNVntn3cDxHJpq99YMc1T1AQgQpc8kfYTuRgBiYa15BLrx8etQoXz3gZv1/u2oq",
    "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz",
    "reallyreallyreallyreallyverysafe",
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "your-256-bit-secret",
    "your-384-bit-secret",
    "your-512-bit-secret",
)
"""Values of documents and examples: of Supabase, of PostgREST and of jwt.io."""

_PLACEHOLDER = re.compile(
    r"chang(?:e|ed|ing)(?:me|this|it|before|in(?:prod|dev))|replac(?:e|ed|ing)(?:me|this|with)"
    r"|your(?:own|super|very|random|long|new|\d+(?:bits?|bytes?|chars?|characters?))*"
    r"(?:secret|secure|private|encryption|key|token|jwt|password|supabase|service)"
    r"|placeholder|supersecretjwt|supersecretkey|examplesecret|examplekey"
)
_UNFILLED = re.compile(r"<[^<>]*>|\$\{[^{}]*\}|\$\([^()]*\)|\{\{[^{}]*\}\}|\[[^\[\]]*\]")


class Weakness(NamedTuple):
    """Why a secret can be guessed; it completes the sentence "NAME should …"."""

    rule: str
    is_published: bool = False
    """Whether the secret is strong enough but known; on one's own machine it does no harm."""


def find_weakness(secret: str) -> Weakness | None:
    """Return why a secret can be guessed; None if nothing is wrong with it.

    A block that is repeated counts once. No text of the result has a part of the secret.
    """
    if _UNFILLED.fullmatch(secret.strip()):
        return Weakness(f"should be a secret, not a template to fill in: {WAY_OUT}")
    length = len(secret.encode("utf-8", "surrogatepass"))
    if length < MIN_SECRET_BYTES:
        return Weakness(f"should have at least 32 bytes, this one has {length}: {WAY_OUT}")
    if is_predictable(secret):
        return Weakness(f"should be random, not a pattern that can be guessed: {WAY_OUT}")
    if is_published(secret):
        return Weakness(
            f"should be a secret, not a published example: {WAY_OUT}", is_published=True
        )
    return None


def is_published(secret: str) -> bool:
    """Return whether a secret is an example, a placeholder, or a key that clients have."""
    plain = re.sub(r"[\W_]+", "", secret).casefold()
    return (
        secret.strip() in PUBLISHED_SECRETS
        or _PLACEHOLDER.search(plain) is not None
        or secret.strip().startswith("sb_publishable_")
        or _is_published_token(secret.strip())
    )


def is_repetitive(secret: str) -> bool:
    """Return whether few characters, or a short block of them, are all that a secret has."""
    return _shortest_block(secret) < MIN_SECRET_BYTES or _entropy_bits(secret) < MIN_ENTROPY_BITS


def is_predictable(secret: str) -> bool:
    """Return whether a secret is repetitive, or its characters follow each other in order."""
    steps = [ord(second) - ord(first) for first, second in pairwise(secret)]
    return is_repetitive(secret) or _entropy_bits(steps) < MIN_ENTROPY_BITS


def _shortest_block(secret: str) -> int:
    """Return the bytes of the shortest block whose repetition gives the secret.

    The last repetition need not be complete. The length of the longest border of a text, by the
    method of Knuth, Morris and Pratt, is what its shortest block leaves.
    """
    data = secret.encode("utf-8", "surrogatepass")
    borders = [0] * len(data)
    for end in range(1, len(data)):
        border = borders[end - 1]
        while border and data[border] != data[end]:
            border = borders[border - 1]
        borders[end] = border + (data[border] == data[end])
    block = len(data) - borders[-1] if data else 0
    return block if block <= len(data) // 2 else len(data)


def _entropy_bits(items: Sequence[Any]) -> float:
    length = len(items)
    return -sum(n * math.log2(n / length) for n in Counter(items).values())


def _is_published_token(secret: str) -> bool:
    """Return whether it is a JWT that is public, or signed with a published secret."""
    signed, _, signature = secret.rpartition(".")
    try:
        claims = orjson.loads(_decode_base64(signed.partition(".")[2]))
        digest = _decode_base64(signature)
    except (ValueError, Base64Error):
        return False
    if not isinstance(claims, dict):
        return False
    return (
        claims.get("iss") == "supabase-demo"
        or claims.get("role") == "anon"
        or any(
            hmac.compare_digest(hmac.digest(key.encode(), signed.encode(), "sha256"), digest)
            for key in PUBLISHED_SECRETS
        )
    )


def _decode_base64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
