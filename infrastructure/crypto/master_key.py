"""Parses the master keys in CANVAS_ENCRYPTION_KEY, and derives a key for each purpose."""

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

from infrastructure.settings.secret_strength import PUBLISHED_SECRETS, is_repetitive

logger = logging.getLogger(__name__)

MASTER_KEY_BYTES = 32
"""Bytes of a master key, as AES-256 needs them."""

PLACEHOLDER_KEY = "your-32-character-encryption-key"
"""The value in `.env.example`; it has exactly 32 bytes, so the length check accepts it."""

DEFAULT_KEY_ID = "k1"
MIN_ENTROPY_BITS = 96.0
"""Bits of Shannon entropy below which a plain value is probably not random."""

DIGEST_PURPOSE = "easeboard/key-digest/v1"
RANDOM_KEY_ADVICE = "use `hex:` and the output of `openssl rand -hex 32`"
_DECODERS: dict[str, Callable[[str], bytes]] = {
    "base64": partial(b64decode, validate=True),
    "hex": bytes.fromhex,
}
_LIST_ITEM = re.compile(r"([A-Za-z0-9_.-]{1,16})=(.+)", re.DOTALL)


class InvalidMasterKey(ValueError):
    """CANVAS_ENCRYPTION_KEY is not valid; the message names the reason and what to do."""


class MasterKey:
    """One master key; it is used only through the keys that are derived from it."""

    def __init__(self, id: str, secret: bytes) -> None:
        self.id = id
        self._secret = secret
        self.derive = cache(self._derive)
        self.cipher = cache(self._cipher)

    def __repr__(self) -> str:
        return f"MasterKey({self.id!r})"

    @property
    def digest(self) -> str:
        """Return 16 hex digits by which processes compare their keys; they reveal nothing."""
        return self.derive(DIGEST_PURPOSE).hex()[:16]

    def _derive(self, purpose: str) -> bytes:
        """Derive 32 bytes for one purpose, with HKDF-SHA256 (RFC 5869)."""
        return HKDF(SHA256(), MASTER_KEY_BYTES, None, purpose.encode()).derive(self._secret)

    def _cipher(self, purpose: str) -> AESGCM:
        return AESGCM(self._derive(purpose))


class KeyRing:
    """The master keys, newest first: the active one encrypts, all decrypt.

    The database decides which one is active, so that no process encrypts with a key that another
    one does not have yet. Until it is known, that is the newest key.
    """

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        self.newest = self.active = keys[0]
        self._by_id = {key.id: key for key in keys}
        if len(self._by_id) < len(keys):
            raise InvalidMasterKey(
                "Two keys in CANVAS_ENCRYPTION_KEY have the same id: give each its own, "
                "as in `k2=<key>,k1=<key>`."
            )

    def by_id(self, id: str) -> MasterKey:
        """Return the key with this id; raises KeyError if there is none."""
        return self._by_id[id]

    def use(self, id: str) -> None:
        """Encrypt with the key that has this id; raises KeyError if there is none."""
        self.active = self._by_id[id]

    @property
    def digests(self) -> list[str]:
        """Id, colon and digest of every key, newest first."""
        return [f"{key.id}:{key.digest}" for key in self._by_id.values()]

    @property
    def ids(self) -> list[str]:
        """The ids of all keys, newest first."""
        return list(self._by_id)


def parse_key_ring(text: str) -> KeyRing:
    """Parse the value of CANVAS_ENCRYPTION_KEY.

    A value of exactly 32 UTF-8 bytes is one key, whatever it contains. Any other value is a list
    of `id=key`, newest first, separated by commas; without an id, the id is `k1`. A key is 32
    bytes, or `hex:` or `base64:` and 32 encoded bytes.

    Raises: InvalidMasterKey if the value is not valid; the message does not repeat it.
    """
    if len(text.encode()) == MASTER_KEY_BYTES:
        return KeyRing([MasterKey(DEFAULT_KEY_ID, _validated(text, _encode_plain(text)))])
    return KeyRing([_parse_item(item.strip()) for item in text.split(",")])


def require_strong_newest_key(text: str) -> None:
    """Refuse a value of CANVAS_ENCRYPTION_KEY whose newest key is plain text and can be guessed.

    Older keys only decrypt, and a database must stay readable.

    Raises: InvalidMasterKey.
    """
    value = text
    if len(text.encode()) != MASTER_KEY_BYTES:
        newest = text.split(",", maxsplit=1)[0].strip()
        match = _LIST_ITEM.fullmatch(newest)
        value = match[2] if match else newest
    if value.partition(":")[0] not in _DECODERS and is_repetitive(value):
        raise InvalidMasterKey(
            "The newest key in CANVAS_ENCRYPTION_KEY can be guessed, because few characters or a "
            f"short block of them are all it has: {RANDOM_KEY_ADVICE}. If data is encrypted with "
            "it, put the new key before it (`k2=hex:…,k1=<the key of now>`) and run easeboard keys "
            "rotate."
        )


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
        raise InvalidMasterKey(
            f"The text after `{encoding}:` in CANVAS_ENCRYPTION_KEY is not valid {encoding}: "
            "check it for missing or wrong characters."
        ) from error
    return _validated(value, secret)


def _encode_plain(value: str) -> bytes:
    if len(value.encode()) == MASTER_KEY_BYTES and _entropy_bits(value) < MIN_ENTROPY_BITS:
        logger.warning(
            "a key in CANVAS_ENCRYPTION_KEY does not look random and may be guessed: rotate to "
            "a random key, see .env.example"
        )
    return value.encode()


def _validated(value: str, secret: bytes) -> bytes:
    if value in PUBLISHED_SECRETS:
        where = "the placeholder of .env.example" if value == PLACEHOLDER_KEY else "published"
        raise InvalidMasterKey(f"CANVAS_ENCRYPTION_KEY is {where}, not a key: {RANDOM_KEY_ADVICE}.")
    if len(secret) != MASTER_KEY_BYTES:
        raise InvalidMasterKey(
            f"A key in CANVAS_ENCRYPTION_KEY must have exactly {MASTER_KEY_BYTES} bytes, "
            f"this one has {len(secret)}: {_encoding_hint(value) or RANDOM_KEY_ADVICE}."
        )
    if len(set(secret)) == 1:
        raise InvalidMasterKey(
            f"All bytes of a key in CANVAS_ENCRYPTION_KEY are the same: {RANDOM_KEY_ADVICE}."
        )
    return secret


def _entropy_bits(value: str) -> float:
    length = len(value)
    counts = Counter(value).values()
    return -sum(count * math.log2(count / length) for count in counts)


def _encoding_hint(value: str) -> str:
    for prefix, decode in _DECODERS.items():
        try:
            if len(decode(value)) == MASTER_KEY_BYTES:
                return f"it looks like {prefix}, so write `{prefix}:` in front of it"
        except ValueError:
            continue
    return ""
