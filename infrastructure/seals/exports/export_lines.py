"""The lines of an export: a header, one for each event, and a summary (docs/audit-export.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import NoneType
from typing import Any
from uuid import UUID

import orjson

from infrastructure.event_store.encryption import Opening
from infrastructure.seals.exact_json import Kinds, encode_base64
from infrastructure.seals.exports.exported_rows import ExportedRow
from infrastructure.seals.signatures import VerifierKey

FORMAT = "easeboard.com/audit-export/v1"
HEADER, EVENT, SUMMARY = "header", "event", "summary"

HEADER_MEMBERS: Mapping[str, Kinds] = {
    "line": str,
    "format": str,
    "connection_id": str,
    "streams": dict,
    "log": str,
    "vkeys": list,
    "checkpoint": str,
    "exported_at": str,
}
EVENT_MEMBERS: Mapping[str, Kinds] = {
    "line": str,
    "position": int,
    "event_id": str,
    "stream": str,
    "version": int,
    "type": str,
    "recorded_at": str,
    "actor": str,
    "correlation_id": (str, NoneType),
    "causation_id": (str, NoneType),
    "payload": dict,
    "index": int,
    "path": list,
    "entry": str,
    "state": str,
    "opening": (dict, NoneType),
}
OPENING_MEMBERS: Mapping[str, Kinds] = {"salt": str, "plaintext": str}
SUMMARY_MEMBERS: Mapping[str, Kinds] = {
    "line": str,
    "events": int,
    "versions": dict,
    "last_position": int,
    "not_sealed_yet": int,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportHeader:
    """What an export is of, and the signed checkpoint that all its proofs lead to."""

    connection_id: UUID
    streams: Mapping[str, UUID]
    """The streams of the connection by the names that auditors use."""
    log: str
    keys: Sequence[VerifierKey]
    note: bytes
    exported_at: datetime

    def line(self) -> bytes:
        """Return the first line."""
        return _line(
            {
                "line": HEADER,
                "format": FORMAT,
                "connection_id": self.connection_id,
                "streams": dict(self.streams),
                "log": self.log,
                "vkeys": [str(key) for key in self.keys],
                "checkpoint": self.note.decode(),
                "exported_at": self.exported_at,
            }
        )


@dataclass(slots=True)
class ExportSummary:
    """What an export has; the last line has it, so that a file that was cut off is recognised."""

    events: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    last_position: int = 0

    def count(self, stream: str, row: ExportedRow) -> None:
        """Count one event."""
        self.events += 1
        self.versions[stream] = row.version
        self.last_position = row.position

    def line(self, left_out: int) -> bytes:
        """Return the last line; `left_out` is the number of events that are not sealed yet."""
        return _line(
            {
                "line": SUMMARY,
                "events": self.events,
                "versions": self.versions,
                "last_position": self.last_position,
                "not_sealed_yet": left_out,
            }
        )


def event_line(
    row: ExportedRow,
    *,
    stream: str,
    payload: Mapping[str, Any],
    opening: Opening | None,
    index: int,
    path: Sequence[bytes],
) -> bytes:
    """Return the line of an event: the members of `/events`, and what proves them."""
    return _line(
        {
            "line": EVENT,
            "position": row.position,
            "event_id": row.event_id,
            "stream": stream,
            "version": row.version,
            "type": row.topic,
            "recorded_at": row.recorded_at,
            "actor": row.actor,
            "correlation_id": row.correlation_id,
            "causation_id": row.causation_id,
            "payload": payload,
            "index": index,
            "path": [encode_base64(each) for each in path],
            "entry": encode_base64(row.entry),
            "state": encode_base64(row.state),
            "opening": opening
            and {"salt": encode_base64(opening.salt), "plaintext": opening.plaintext.decode()},
        }
    )


def _line(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
