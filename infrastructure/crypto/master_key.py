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

logger = logging.getLogger(__name__)

MASTER_KEY_BYTES = 32
"""Bytes of a master key: AES-256."""

PLACEHOLDER_KEY = "your-32-character-encryption-key"
"""What `.env.example` says; it is exactly 32 bytes long, so its length gives nothing away."""

DEFAULT_KEY_ID = "k1"
MIN_ENTROPY_BITS = 96.0
"""Bits below which a plain value looks made up rather than drawn."""

_DECODERS: dict[str, Callable[[str], bytes]] = {
    "base64": partial(b64decode, validate=True),
    "hex": bytes.fromhex,
}
_LIST_ITEM = re.compile(r"([A-Za-z0-9_.-]{1,16})=(.+)", re.DOTALL)


class InvalidMasterKey(ValueError):
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
        return HKDF(SHA256(), MASTER_KEY_BYTES, None, purpose.encode()).derive(self._secret)

    def _cipher(self, purpose: str) -> AESGCM:
        return AESGCM(self._derive(purpose))


class KeyRing:
    """The master keys, newest first: the newest seals, every one opens."""

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        self.newest = keys[0]
        self._by_id = {key.id: key for key in keys}
        if len(self._by_id) < len(keys):
            raise InvalidMasterKey("Two keys share an id: give each its own, as in `k2=…,k1=…`.")

    def by_id(self, id: str) -> MasterKey:
        """The key with this id; raises KeyError for one the ring lacks."""
        return self._by_id[id]

    @property
    def ids(self) -> list[str]:
        """The ids of all keys, newest first."""
        return list(self._by_id)


def parse_key_ring(text: str) -> KeyRing:
    """Read the value of CANVAS_ENCRYPTION_KEY; raises InvalidMasterKey with what to change.

    A value of exactly 32 UTF-8 bytes is one key whatever it contains.
    Otherwise it is a comma-separated list of `id=key`, newest first; without an id it is `k1`.
    """
    if len(text.encode()) == MASTER_KEY_BYTES:
        return KeyRing([MasterKey(DEFAULT_KEY_ID, _validated(text, _encode_plain(text)))])
    return KeyRing([_parse_item(item.strip()) for item in text.split(",")])


def _parse_item(text: str) -> MasterKey:
    match = _LIST_ITEM.fullmatch(text)
    id, value = match.groups() if match else (DEFAULT_KEY_ID, text)
    return MasterKey(id, _decode_secret(value))


def _decode_secret(value: str) -> bytes:
    encoding, _, digits = value.partition(":")
    decode = _DECODERS.get(encoding)
    if decode is None:
        return _validated(value, _encode_plain(value))
    try:
        secret = decode(digits)
    except ValueError as error:
        raise InvalidMasterKey(f"What follows `{encoding}:` is not {encoding}.") from error
    return _validated(value, secret)


def _encode_plain(value: str) -> bytes:
    if len(value.encode()) == MASTER_KEY_BYTES and _entropy_bits(value) < MIN_ENTROPY_BITS:
        logger.warning("CANVAS_ENCRYPTION_KEY looks made up: a drawn key is far harder to guess.")
    return value.encode()


def _validated(value: str, secret: bytes) -> bytes:
    if value == PLACEHOLDER_KEY:
        raise InvalidMasterKey("This is the placeholder of .env.example: make a key of your own.")
    if len(secret) != MASTER_KEY_BYTES:
        raise InvalidMasterKey(
            f"A key has exactly 32 bytes, this one has {len(secret)}.{_encoding_hint(value)}"
        )
    if len(set(secret)) == 1:
        raise InvalidMasterKey("All bytes of this key are the same: make one by chance.")
    return secret


def _entropy_bits(value: str) -> float:
    length = len(value)
    counts = Counter(value).values()
    return -sum(count * math.log2(count / length) for count in counts)


def _encoding_hint(value: str) -> str:
    for prefix, decode in _DECODERS.items():
        try:
            if len(decode(value)) == MASTER_KEY_BYTES:
                return f" It looks like {prefix}: write `{prefix}:` in front."
        except ValueError:
            continue
    return ""
