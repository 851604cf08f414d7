"""Checks the line of one event: its proof, its members, its state, its opening and its payload."""

import struct
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from infrastructure.event_store.encryption import (
    Opening,
    check_opening,
    commitment_of,
    decrypt,
    is_encrypted,
)
from infrastructure.event_store.event_types import EventType, collect_event_types, to_current_form
from infrastructure.seals.entry import LogEntry, decode_entry, encode_entry, microseconds
from infrastructure.seals.exact_json import (
    JsonInexact,
    decode_base64,
    is_same_json,
    parse_time,
    parse_uuid,
    require_members,
)
from infrastructure.seals.exports.export_lines import EVENT_MEMBERS, OPENING_MEMBERS
from infrastructure.seals.exports.export_report import Content, ProblemKind
from infrastructure.seals.merkle import leaf_hash, verify_inclusion
from infrastructure.seals.signed_checkpoint import Checkpoint

REDACTED = {"redacted": True}
UNREADABLE = "unreadable"
"""The only member of a payload that the service could not read; its value is the reason."""
MAX_REASON_CHARACTERS = 500


class EventWrong(Exception):
    """The line of an event is wrong; `kind` is the kind of the problem."""

    def __init__(self, kind: ProblemKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class CheckedEvent(NamedTuple):
    """A proven event."""

    entry: LogEntry
    entry_index: int
    content: Content
    is_encrypted: bool
    """Whether its state is stored encrypted with the key of its person."""


class EventCheck:
    """Checks events against one signed checkpoint."""

    def __init__(self, checkpoint: Checkpoint, streams: Mapping[str, UUID]) -> None:
        self._checkpoint = checkpoint
        self._streams = streams
        self._types = collect_event_types()

    def check(self, event: Mapping[str, Any]) -> CheckedEvent:
        """Return what the line proves; raises EventWrong."""
        try:
            require_members(event, EVENT_MEMBERS, "the line")
            entry_bytes = decode_base64(event["entry"], "entry")
            stored = decode_base64(event["state"], "state")
            path = [decode_base64(each, "path") for each in event["path"]]
            entry = decode_entry(entry_bytes)
            self._check_members(event, entry, entry_bytes)
        except (TypeError, ValueError, struct.error) as error:
            raise EventWrong("line malformed", f"it cannot be read: {error}") from error
        self._check_proof(entry_bytes, event["index"], path)
        if sha256(stored).digest() != entry.state_digest:
            raise EventWrong("state changed", "its state is not the one that was sealed")
        content = self._check_content(event, entry, stored)
        return CheckedEvent(entry, event["index"], content, is_encrypted(stored))

    def _check_members(self, event: Mapping[str, Any], entry: LogEntry, data: bytes) -> None:
        cause = event["causation_id"]
        shown = {
            "position": event["position"],
            "stream": self._stream(event["stream"]),
            "version": event["version"],
            "event_id": parse_uuid(event["event_id"], "event_id"),
            "recorded_at": microseconds(parse_time(event["recorded_at"], "recorded_at")),
            "causation_id": None if cause is None else parse_uuid(cause, "causation_id"),
            "topic": event["type"].encode(),
            "actor": event["actor"].encode(),
            "correlation_id": _encoded(event["correlation_id"]),
        }
        if encode_entry(entry._replace(**shown)) == data:
            return
        names = [name for name, value in shown.items() if getattr(entry, name) != value]
        what = ", ".join("type" if name == "topic" else name for name in names)
        raise EventWrong("entry differs", f"not as it was sealed: {what}")

    def _stream(self, name: str) -> UUID:
        if name not in self._streams:
            raise JsonInexact("its stream is none of the connection")
        return self._streams[name]

    def _check_proof(self, entry: bytes, index: int, path: Sequence[bytes]) -> None:
        size, root = self._checkpoint.size, self._checkpoint.root
        try:
            verify_inclusion(index, size, leaf_hash(entry), path, root)
        except ValueError as error:
            raise EventWrong("proof wrong", f"it is not in the sealed tree: {error}") from error

    def _check_content(self, event: Mapping[str, Any], entry: LogEntry, stored: bytes) -> Content:
        """Return how the payload is proven; raises EventWrong if it is another one."""
        payload, opening = event["payload"], event["opening"]
        if opening is None and is_encrypted(stored):
            return _closed_content(payload, stored)
        event_type = self._types.get(entry.topic.decode())
        plaintext = _plain(stored) if opening is None else _check_opening(opening, stored)
        if event_type is None:
            return "unproven"
        recorded = _payload_of(event_type, plaintext)
        if recorded is None and _is_unreadable(payload):
            return "unproven"
        if recorded is None or not is_same_json(payload, recorded):
            raise EventWrong("payload differs", "its payload is not what was recorded")
        return "opened"


def _closed_content(payload: Mapping[str, Any], stored: bytes) -> Content:
    """Return what is in the place of a content that nothing opens."""
    if is_same_json(payload, REDACTED):
        return "redacted"
    if _is_unreadable(payload):
        return "unreadable"
    if commitment_of(stored) is not None:
        raise EventWrong("opening wrong", "its opening was taken out of the file")
    return "unproven"


def _is_unreadable(payload: Mapping[str, Any]) -> bool:
    reason = payload.get(UNREADABLE)
    return len(payload) == 1 and isinstance(reason, str) and len(reason) <= MAX_REASON_CHARACTERS


def _check_opening(opening: Mapping[str, Any], stored: bytes) -> bytes:
    try:
        require_members(opening, OPENING_MEMBERS, "the opening")
        salt = decode_base64(opening["salt"], "salt")
        opened = Opening(salt, opening["plaintext"].encode())
        check_opening(stored, opened)
    except ValueError as error:
        raise EventWrong(
            "opening wrong", f"its opening is not the one recorded: {error}"
        ) from error
    return opened.plaintext


def _plain(stored: bytes) -> bytes:
    """Return what is stored without encryption; nothing, if its form is unknown."""
    try:
        return decrypt(stored, None, b"")
    except ValueError:
        return b""


def _payload_of(event_type: EventType, plaintext: bytes) -> dict[str, Any] | None:
    """Return a payload in its present form; None if this program cannot read it."""
    try:
        return to_current_form(event_type, orjson.loads(plaintext))
    except ValueError:
        return None


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
