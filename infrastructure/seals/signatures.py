"""The keys that sign checkpoints, in the forms of C2SP: Ed25519, and ML-DSA-44 for later.

A signature type is one byte: 0x01 Ed25519 of a log, 0x04 Ed25519 of a witness, 0x06 ML-DSA-44 of
either. The last two have the time of the signature in them.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from infrastructure.seals.signed_checkpoint import Checkpoint

ED25519 = 0x01
ED25519_COSIGNATURE = 0x04
ML_DSA_44 = 0x06

KEY_ID_BYTES = 4
TIME_BYTES = 8
PUBLIC_KEY_BYTES = {ED25519: 32, ED25519_COSIGNATURE: 32, ML_DSA_44: 1312}

PublicKey = Ed25519PublicKey | MLDSA44PublicKey
PrivateKey = Ed25519PrivateKey | MLDSA44PrivateKey

_NAME = re.compile(r"[^\s+]+")


class KeyMalformed(ValueError):
    """A text is no verifier key that this program can use."""


class SignatureWrong(ValueError):
    """A signature of a known key does not match the text."""


class Signer(Protocol):
    """Signs the text of a checkpoint."""

    @property
    def verifier(self) -> "VerifierKey":
        """The public half."""

    def sign(self, text: bytes, time: int) -> bytes:
        """Return the signature without the id of the key; `time` is in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A name and a public key; its line of text is a C2SP vkey."""

    name: str
    kind: int
    public_bytes: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature line."""
        kind = bytes([self.kind])
        return sha256(self.name.encode() + b"\n" + kind + self.public_bytes).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """Return the vkey, such as `example.com/foo+530d903a+AekyeRrm…`."""
        material = base64.b64encode(bytes([self.kind]) + self.public_bytes).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def verify(self, text: bytes, signature: bytes) -> int | None:
        """Return the time that is signed with the text, in seconds since 1970; None without one.

        Raises: SignatureWrong.
        """
        try:
            message, time, raw = _unpack(self, text, signature)
            _public_key(self).verify(raw, message)
        except (InvalidSignature, ValueError) as error:
            raise SignatureWrong(f"the signature of {self.name} is wrong") from error
        return time


def parse_vkey(text: str) -> VerifierKey:
    """Return the key of a vkey.

    Raises: KeyMalformed; the message tells what is wrong.
    """
    name, _, rest = text.strip().partition("+")
    key_id, separator, encoded = rest.partition("+")
    if not separator or not _NAME.fullmatch(name):
        raise KeyMalformed("a verifier key is a name, 8 hex digits and base64, joined by `+`")
    try:
        material = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise KeyMalformed("the last part of a verifier key is base64") from None
    kind, public_bytes = material[:1], material[1:]
    if not kind or PUBLIC_KEY_BYTES.get(kind[0]) != len(public_bytes):
        raise KeyMalformed(
            "the verifier key is of a type that is not supported: "
            "Ed25519 (1), Ed25519 cosignatures (4) and ML-DSA-44 (6) are"
        )
    key = VerifierKey(name, kind[0], public_bytes)
    if key.key_id.hex() != key_id.lower():
        raise KeyMalformed("the name or the key was changed: the 8 hex digits belong to others")
    return key


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its name, which signs in the way of its kind."""

    name: str
    kind: int
    private_key: PrivateKey

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.kind, self.private_key.public_key().public_bytes_raw())

    def sign(self, text: bytes, time: int) -> bytes:
        """Return the signature without the id of the key; `time` is in seconds since 1970."""
        if self.kind == ED25519:
            return self.private_key.sign(text)
        return time.to_bytes(TIME_BYTES) + self.private_key.sign(
            _timed_message(self.name, self.kind, text, time)
        )

    def private_bytes(self) -> bytes:
        """Return the 32 bytes of which the key is made."""
        return self.private_key.private_bytes_raw()


def new_signing_key(name: str, kind: int = ED25519) -> SigningKey:
    """Make a new key."""
    generate = MLDSA44PrivateKey if kind == ML_DSA_44 else Ed25519PrivateKey
    return SigningKey(name, kind, generate.generate())


def signing_key(name: str, kind: int, private_bytes: bytes) -> SigningKey:
    """Return the key that is made of these 32 bytes."""
    if kind == ML_DSA_44:
        return SigningKey(name, kind, MLDSA44PrivateKey.from_seed_bytes(private_bytes))
    return SigningKey(name, kind, Ed25519PrivateKey.from_private_bytes(private_bytes))


def _public_key(key: VerifierKey) -> PublicKey:
    if key.kind == ML_DSA_44:
        return MLDSA44PublicKey.from_public_bytes(key.public_bytes)
    return Ed25519PublicKey.from_public_bytes(key.public_bytes)


def _unpack(key: VerifierKey, text: bytes, signature: bytes) -> tuple[bytes, int | None, bytes]:
    """Return the message that was signed, its time, and the signature itself."""
    if key.kind == ED25519:
        return text, None, signature
    time = int.from_bytes(signature[:TIME_BYTES])
    return _timed_message(key.name, key.kind, text, time), time, signature[TIME_BYTES:]


def _timed_message(name: str, kind: int, text: bytes, time: int) -> bytes:
    """Return what a signature with a time signs (C2SP tlog-cosignature)."""
    if kind == ED25519_COSIGNATURE:
        return b"cosignature/v1\ntime %d\n" % time + text
    checkpoint = Checkpoint.parse(text)
    return b"".join(
        (
            b"subtree/v1\n\x00",
            _short_text(name),
            time.to_bytes(TIME_BYTES),
            _short_text(checkpoint.origin),
            (0).to_bytes(8),
            checkpoint.size.to_bytes(8),
            checkpoint.root,
        )
    )


def _short_text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(1) + data
