"""The master keys of CANVAS_ENCRYPTION_KEY, and a key for each purpose derived from them."""

import logging
import math
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

log = logging.getLogger(__name__)

LENGTH = 32
"""Bytes of a master key: AES-256."""

PLACEHOLDER = "your-32-character-encryption-key"
"""What `.env.example` says; it is exactly 32 bytes long, so its length gives nothing away."""

DEFAULT_ID = "k1"
POOR = 96.0
"""Bits below which a plain value looks made up rather than drawn."""

_FORMS: dict[str, Callable[[str], bytes]] = {
    "base64": partial(b64decode, validate=True),
    "hex": bytes.fromhex,
}
_ITEM = re.compile(r"([A-Za-z0-9_.-]{1,16})=(.+)", re.DOTALL)


class BadMasterKey(ValueError):
    """CANVAS_ENCRYPTION_KEY holds no key we accept; the message says what to change."""


class MasterKey:
    """One master key, which never leaves except as keys derived for a purpose."""

    def __init__(self, id: str, secret: bytes) -> None:
        self.id = id
        self._secret = secret
        self.derive = cache(self._derive)
        self.cipher = cache(self._cipher)

    def __repr__(self) -> str:
        return f"MasterKey({self.id!r})"

    def _derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, by HKDF-SHA256 (RFC 5869)."""
        return HKDF(SHA256(), LENGTH, None, purpose.encode()).derive(self._secret)

    def _cipher(self, purpose: str) -> AESGCM:
        return AESGCM(self._derive(purpose))


class KeyRing:
    """The master keys, newest first: the newest seals, every one opens."""

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        self.newest = keys[0]
        self._by_id = {key.id: key for key in keys}
        if len(self._by_id) < len(keys):
            raise BadMasterKey("Two keys share an id: give each its own, as in `k2=…,k1=…`.")

    def by_id(self, id: str) -> MasterKey:
        """The key with this id; raises KeyError for one the ring lacks."""
        return self._by_id[id]

    @property
    def ids(self) -> list[str]:
        """The ids of all keys, newest first."""
        return list(self._by_id)


def key_ring(text: str) -> KeyRing:
    """Read the value of CANVAS_ENCRYPTION_KEY; raises BadMasterKey with what to change.

    A value of exactly 32 UTF-8 bytes is one key whatever it contains.
    Otherwise it is a comma-separated list of `id=key`, newest first; without an id it is `k1`.
    """
    if len(text.encode()) == LENGTH:
        return KeyRing([MasterKey(DEFAULT_ID, _accepted(text, _plain(text)))])
    return KeyRing([_item(item.strip()) for item in text.split(",")])


def _item(text: str) -> MasterKey:
    named = _ITEM.fullmatch(text)
    id, value = named.groups() if named else (DEFAULT_ID, text)
    return MasterKey(id, _secret(value))


def _secret(value: str) -> bytes:
    form, _, digits = value.partition(":")
    decode = _FORMS.get(form)
    if decode is None:
        return _accepted(value, _plain(value))
    try:
        secret = decode(digits)
    except ValueError as error:
        raise BadMasterKey(f"What follows `{form}:` is not {form}.") from error
    return _accepted(value, secret)


def _plain(value: str) -> bytes:
    if len(value.encode()) == LENGTH and _bits(value) < POOR:
        log.warning("CANVAS_ENCRYPTION_KEY looks made up: a drawn key is far harder to guess.")
    return value.encode()


def _accepted(value: str, secret: bytes) -> bytes:
    if value == PLACEHOLDER:
        raise BadMasterKey("This is the placeholder of .env.example: make a key of your own.")
    if len(secret) != LENGTH:
        raise BadMasterKey(f"A key has exactly 32 bytes, this one has {len(secret)}.{_hint(value)}")
    if len(set(secret)) == 1:
        raise BadMasterKey("All bytes of this key are the same: make one by chance.")
    return secret


def _bits(value: str) -> float:
    total = len(value)
    counts = Counter(value).values()
    return -sum(count * math.log2(count / total) for count in counts)


def _hint(value: str) -> str:
    for prefix, decode in _FORMS.items():
        try:
            if len(decode(value)) == LENGTH:
                return f" It looks like {prefix}: write `{prefix}:` in front."
        except ValueError:
            continue
    return ""
