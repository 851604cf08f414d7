"""Consistency tokens: opaque texts for places in the event log, which clients send back."""

import base64
import binascii
import struct
from zlib import crc32

from domain.log_position import LogPosition

DEFAULT_WAIT_SECONDS, MAX_WAIT_SECONDS = 2.0, 10.0
"""How long a read waits for the place of its token: without `Prefer: wait`, and at most."""


def encode_consistency_token(at: LogPosition) -> str:
    """Return the token of a place: its timeline, its position and a CRC-32, in base64url."""
    packed = struct.pack(">qq", at.timeline, at.position)
    return base64.urlsafe_b64encode(packed + struct.pack(">I", crc32(packed))).decode().rstrip("=")


def decode_consistency_token(token: str) -> LogPosition:
    """Return the place of a token; whether the log ever gave it must still be checked.

    Raises: ValueError if `encode_consistency_token` cannot have made it.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        timeline, position, checksum = struct.unpack(">qqI", raw)
    except (binascii.Error, struct.error, ValueError) as error:
        raise ValueError("not a consistency token") from error
    if (
        checksum != crc32(raw[:16])
        or position < 0
        or encode_consistency_token(LogPosition(timeline, position)) != token.rstrip("=")
    ):
        raise ValueError("not a consistency token")
    return LogPosition(timeline, position)
