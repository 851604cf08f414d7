r"""The entry of an event in the tree: bytes in a fixed order, of the row as it is stored.

An entry has the digest of the stored state and never its content, so that it can be checked
without a key, and after the person was erased.

    "easeboard.com/event/v1\n"
    position u64 · stream 16 · version u64 · event_id 16 · recorded_at i64 · command_id 16
    person_id 16 · causation_id · topic · actor · correlation_id · SHA-256 of the state 32

Numbers are big-endian; `recorded_at` counts microseconds since 1970. The four parts without a
length have a u16 before them: the number of bytes, 0xffff if the value is NULL, or 0xfffe if the
SHA-256 of the value follows, because it has more than 4,096 bytes.
"""

import struct
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

ENTRY_HEADER = b"easeboard.com/event/v1\n"
MAX_PART_BYTES = 4096
"""A longer text is in the entry as its digest: an entry has at most 65,535 bytes in a tile."""
DIGEST_FOLLOWS = 0xFFFE
IS_NULL = 0xFFFF
DIGEST_BYTES = 32

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIXED = struct.Struct(">Q16sQ16sq16s16s")
_LENGTH = struct.Struct(">H")
_MICROSECOND = timedelta(microseconds=1)


class EntryMalformed(ValueError):
    """Bytes are no entry of an event."""


class LogEntry(NamedTuple):
    """A row of the event log without its state, and the digest of the stored state.

    A text is bytes in UTF-8. In a decoded entry, one that was longer than MAX_PART_BYTES is
    `sha256:` and the hex digits of its digest.
    """

    position: int
    stream: UUID
    version: int
    event_id: UUID
    recorded_at: int
    """Microseconds since 1970, in UTC."""
    command_id: UUID
    person_id: UUID
    causation_id: UUID | None
    topic: bytes
    actor: bytes
    correlation_id: bytes | None
    state_digest: bytes
    """SHA-256 of the stored bytes of the state."""

    @property
    def recorded_time(self) -> datetime:
        """When the event was recorded."""
        return EPOCH + timedelta(microseconds=self.recorded_at)


def microseconds(time: datetime) -> int:
    """Return a time as an entry has it."""
    return (time - EPOCH) // _MICROSECOND


def encode_entry(entry: LogEntry) -> bytes:
    """Return the bytes of an entry; its hash is `merkle.leaf_hash` of them."""
    return b"".join(
        (
            ENTRY_HEADER,
            _FIXED.pack(
                entry.position,
                entry.stream.bytes,
                entry.version,
                entry.event_id.bytes,
                entry.recorded_at,
                entry.command_id.bytes,
                entry.person_id.bytes,
            ),
            _encode_part(entry.causation_id.bytes if entry.causation_id else None),
            _encode_part(entry.topic),
            _encode_part(entry.actor),
            _encode_part(entry.correlation_id),
            entry.state_digest,
        )
    )


def decode_entry(data: bytes) -> LogEntry:
    """Return the entry of these bytes.

    Raises: EntryMalformed.
    """
    if not data.startswith(ENTRY_HEADER):
        raise EntryMalformed("not an entry of an event: it begins with other bytes")
    start = len(ENTRY_HEADER)
    try:
        position, stream, version, event_id, recorded_at, command_id, person_id = (
            _FIXED.unpack_from(data, start)
        )
        causation, at = _decode_part(data, start + _FIXED.size)
        topic, at = _decode_part(data, at)
        actor, at = _decode_part(data, at)
        correlation, at = _decode_part(data, at)
        entry = LogEntry(
            position=position,
            stream=UUID(bytes=stream),
            version=version,
            event_id=UUID(bytes=event_id),
            recorded_at=recorded_at,
            command_id=UUID(bytes=command_id),
            person_id=UUID(bytes=person_id),
            causation_id=UUID(bytes=causation) if causation is not None else None,
            topic=topic or b"",
            actor=actor or b"",
            correlation_id=correlation,
            state_digest=data[at:],
        )
    except (struct.error, ValueError) as error:
        raise EntryMalformed(f"not an entry of an event: {error}") from error
    if len(entry.state_digest) != DIGEST_BYTES:
        raise EntryMalformed("not an entry of an event: it has another length")
    return entry


def _encode_part(value: bytes | None) -> bytes:
    if value is None:
        return _LENGTH.pack(IS_NULL)
    if len(value) > MAX_PART_BYTES:
        return _LENGTH.pack(DIGEST_FOLLOWS) + sha256(value).digest()
    return _LENGTH.pack(len(value)) + value


def _decode_part(data: bytes, at: int) -> tuple[bytes | None, int]:
    (length,) = _LENGTH.unpack_from(data, at)
    at += _LENGTH.size
    if length == IS_NULL:
        return None, at
    if length == DIGEST_FOLLOWS:
        end = at + DIGEST_BYTES
        return b"sha256:" + data[at:end].hex().encode(), end
    return data[at : at + length], at + length
