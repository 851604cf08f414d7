"""Reads the first line of an export, and opens the signed checkpoint in it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from domain.history_access import HistoryAccess
from domain.sync import Sync
from infrastructure.seals.exact_json import (
    JsonInexact,
    is_same_json,
    parse_json,
    parse_time,
    parse_uuid,
    require_members,
)
from infrastructure.seals.exports.export_lines import FORMAT, HEADER, HEADER_MEMBERS
from infrastructure.seals.signatures import VerifierKey, parse_vkey
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.trust_policy import TrustPolicy


class ExportUnreadable(ValueError):
    """A file is no export, or its header is not signed with a trusted key."""


class OpenedHeader(NamedTuple):
    """What the first line proves, with the keys that were trusted for it."""

    connection_id: UUID
    streams: Mapping[str, UUID]
    trusted: Sequence[VerifierKey]
    checkpoint: Checkpoint
    cosigners: Sequence[str]
    """The names of the witnesses that have signed the checkpoint."""


def open_header(line: bytes, keys: Sequence[VerifierKey], policy: TrustPolicy) -> OpenedHeader:
    """Return what the first line proves; without keys, those in the line are trusted.

    Raises: ExportUnreadable.
    """
    header = parse_line(line)
    if header.get("line") != HEADER or header.get("format") != FORMAT:
        raise ExportUnreadable(f"This is no export: its first line has not the format {FORMAT}.")
    try:
        require_members(header, HEADER_MEMBERS, "it")
        named = [_parse_vkey(vkey) for vkey in header["vkeys"]]
        connection_id = parse_uuid(header["connection_id"], "connection_id")
        parse_time(header["exported_at"], "exported_at")
    except ValueError as error:
        raise ExportUnreadable(f"The header of the export cannot be read: {error}.") from error
    trusted = [*policy.log_keys, *keys] or named
    try:
        found = policy.verify(header["checkpoint"].encode(), trusted)
    except ValueError as error:
        raise ExportUnreadable(
            f"The checkpoint of the export cannot be trusted: {error}."
        ) from error
    streams = _streams(connection_id)
    if {header["log"], *(key.name for key in named)} != {found.checkpoint.origin} or not named:
        raise ExportUnreadable("The header names another log than its checkpoint.")
    if not is_same_json(header["streams"], {name: str(each) for name, each in streams.items()}):
        raise ExportUnreadable("The streams in the header are not those of the connection.")
    cosigners = [witness.name for witness in found.cosigned]
    return OpenedHeader(connection_id, streams, trusted, found.checkpoint, cosigners)


def parse_line(line: bytes) -> Mapping[str, Any]:
    """Return the object in a line; raises ExportUnreadable if there is none."""
    try:
        document = parse_json(line)
    except JsonInexact as error:
        raise ExportUnreadable(f"A line cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise ExportUnreadable("A line is no JSON object.")
    return document


def _parse_vkey(vkey: Any) -> VerifierKey:
    if not isinstance(vkey, str) or str(key := parse_vkey(vkey)) != vkey:
        raise JsonInexact("its member `vkeys` has a key that is not in its exact form")
    return key


def _streams(connection_id: UUID) -> dict[str, UUID]:
    return {
        "connection": connection_id,
        "sync": Sync.id_for(connection_id),
        "readings": HistoryAccess.id_for(connection_id),
    }
