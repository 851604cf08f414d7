"""Checks the line of one event: its proof, its members, its state, its opening and its payload."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple
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
from infrastructure.seals.exports.export_report import ProblemKind
from infrastructure.seals.merkle import leaf_hash, verify_inclusion
from infrastructure.seals.signed_checkpoint import Checkpoint

Content = Literal["opened", "redacted", "unproven"]
REDACTED = {"redacted": True}


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


class EventCheck:
    """Checks events against one signed checkpoint."""

    def __init__(self, checkpoint: Checkpoint, streams: Mapping[str, UUID]) -> None:
        self._checkpoint = checkpoint
        self._streams = streams
        self._types = collect_event_types()

    def check(self, event: Mapping[str, Any]) -> CheckedEvent:
        """Return what the line proves; raises EventWrong."""
        try:
            entry_bytes, stored = _bytes(event["entry"]), _bytes(event["state"])
            entry, index = decode_entry(entry_bytes), int(event["index"])
            path = [_bytes(each) for each in event["path"]]
            self._check_members(event, entry, entry_bytes)
        except (KeyError, TypeError, ValueError) as error:
            raise EventWrong("line malformed", f"it cannot be read: {error!r}") from error
        self._check_proof(entry_bytes, index, path)
        if sha256(stored).digest() != entry.state_digest:
            raise EventWrong("state changed", "its state is not the one that was sealed")
        return CheckedEvent(entry, index, self._check_content(event, entry, stored))

    def _check_members(self, event: Mapping[str, Any], entry: LogEntry, data: bytes) -> None:
        shown = {
            "position": int(event["position"]),
            "stream": self._streams[event["stream"]],
            "version": int(event["version"]),
            "event_id": UUID(event["event_id"]),
            "recorded_at": microseconds(datetime.fromisoformat(event["recorded_at"])),
            "causation_id": UUID(event["causation_id"]) if event["causation_id"] else None,
            "topic": event["type"].encode(),
            "actor": event["actor"].encode(),
            "correlation_id": _encoded(event["correlation_id"]),
        }
        if encode_entry(entry._replace(**shown)) == data:
            return
        names = [name for name, value in shown.items() if getattr(entry, name) != value]
        what = ", ".join("type" if name == "topic" else name for name in names)
        raise EventWrong("entry differs", f"not as it was sealed: {what}")

    def _check_proof(self, entry: bytes, index: int, path: Sequence[bytes]) -> None:
        size, root = self._checkpoint.size, self._checkpoint.root
        try:
            verify_inclusion(index, size, leaf_hash(entry), path, root)
        except ValueError as error:
            raise EventWrong("proof wrong", f"it is not in the sealed tree: {error}") from error

    def _check_content(self, event: Mapping[str, Any], entry: LogEntry, stored: bytes) -> Content:
        """Return how the payload is proven; raises EventWrong if it is another one."""
        payload, opening = event.get("payload"), event.get("opening")
        if opening is not None:
            plaintext = _check_opening(opening, stored)
        elif not is_encrypted(stored):
            plaintext = decrypt(stored, None, b"")
        elif payload == REDACTED:
            return "redacted"
        elif commitment_of(stored) is not None and "unreadable" not in (payload or {}):
            raise EventWrong("opening wrong", "its opening was taken out of the file")
        else:
            return "unproven"
        event_type = self._types.get(entry.topic.decode())
        if event_type is None:
            return "unproven"
        if payload != _payload_of(event_type, plaintext):
            raise EventWrong("payload differs", "its payload is not what was recorded")
        return "opened"


def _check_opening(opening: Any, stored: bytes) -> bytes:
    try:
        opened = Opening(_bytes(opening["salt"]), opening["plaintext"].encode())
        check_opening(stored, opened)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EventWrong(
            "opening wrong", f"its opening is not the one recorded: {error}"
        ) from error
    return opened.plaintext


def _payload_of(event_type: EventType, plaintext: bytes) -> dict[str, Any] | None:
    try:
        return to_current_form(event_type, orjson.loads(plaintext))
    except ValueError:
        return None


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("a member is not base64") from error
