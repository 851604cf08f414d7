"""Checks an export line by line, with the public key of the log alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from domain.history_access import HistoryAccess
from domain.sync import Sync
from infrastructure.seals.exports.event_check import EventCheck, EventWrong
from infrastructure.seals.exports.export_lines import EVENT, FORMAT, HEADER, SUMMARY
from infrastructure.seals.exports.export_report import ExportReport
from infrastructure.seals.signatures import VerifierKey, parse_vkey
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.trust_policy import NO_QUORUM, TrustPolicy

NO_POLICY = TrustPolicy((), (), (), NO_QUORUM)


class ExportUnreadable(ValueError):
    """A file is no export, or its header is not signed with a trusted key."""


def check_export(
    lines: Iterable[bytes],
    *,
    keys: Sequence[VerifierKey] = (),
    policy: TrustPolicy = NO_POLICY,
    progress: Callable[[int], None] = lambda _: None,
) -> ExportReport:
    """Return what an export proves; `progress` is called with the bytes of each line.

    Without keys, those in the file are used, and the report has `key_from_file`.

    Raises: ExportUnreadable.
    """
    numbered = iter(enumerate(lines, 1))
    first = next(numbered, (1, b""))[1]
    checker = _ExportChecker(_parse(first), keys, policy)
    progress(len(first))
    for number, line in numbered:
        checker.check_line(number, line)
        progress(len(line))
    return checker.finish()


class _ExportChecker:
    """The state of a check: where each stream and the log stand."""

    def __init__(
        self, header: Mapping[str, Any], keys: Sequence[VerifierKey], policy: TrustPolicy
    ) -> None:
        if header.get("line") != HEADER or header.get("format") != FORMAT:
            raise ExportUnreadable(
                f"This is no export: its first line has not the format {FORMAT}."
            )
        try:
            named = [parse_vkey(text) for text in header["vkeys"]]
            trusted = [*policy.log_keys, *keys] or named
            note = header["checkpoint"].encode()
            connection_id = UUID(header["connection_id"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ExportUnreadable(f"The header of the export cannot be read: {error}.") from error
        checkpoint, cosigners = _open_checkpoint(note, trusted, policy)
        self._report = ExportReport(
            connection_id=str(connection_id),
            log=checkpoint.origin,
            keys=[str(key) for key in trusted],
            key_from_file=not (keys or policy.log_keys),
            tree_size=checkpoint.size,
            cosigners=cosigners,
        )
        self._events = EventCheck(checkpoint, _streams(connection_id))
        self._versions: dict[str, int] = {}
        self._last_position = self._last_index = -1
        self._summary: Mapping[str, Any] | None = None

    def check_line(self, number: int, line: bytes) -> None:
        """Check one line after the header."""
        try:
            document = _parse(line)
        except ExportUnreadable as error:
            self._report.add("line malformed", str(error), line=number)
            return
        if self._summary is not None:
            self._report.add("line malformed", "It follows the summary.", line=number)
        elif document.get("line") == SUMMARY:
            self._summary = document
        elif document.get("line") == EVENT:
            self._check_event(number, document)
        else:
            self._report.add("line malformed", "It is no event and no summary.", line=number)

    def finish(self) -> ExportReport:
        """Compare the events with the summary, and return the report."""
        report, summary = self._report, self._summary
        if summary is None:
            report.add("file cut", "The file has no summary at its end: a part of it is missing.")
            return report
        if summary.get("events") != report.events or summary.get("versions") != self._versions:
            report.add(
                "event missing",
                f"The summary counts {summary.get('events')} events, the file has {report.events}.",
            )
        left_out = summary.get("not_sealed_yet")
        report.not_sealed_yet = left_out if isinstance(left_out, int) else 0
        return report

    def _check_event(self, number: int, event: Mapping[str, Any]) -> None:
        self._report.events += 1
        position = event.get("position")
        where = position if isinstance(position, int) else None
        try:
            checked = self._events.check(event)
        except EventWrong as error:
            detail = f"The event at position {position} is wrong: {error}."
            self._report.add(error.kind, detail, line=number, position=where)
        else:
            is_ascending = checked.entry_index > self._last_index
            self._last_index = checked.entry_index
            if not is_ascending or checked.entry.position <= self._last_position:
                detail = f"The event at position {position} is not after the one before it."
                self._report.add("order wrong", detail, line=number, position=where)
            self._last_position = checked.entry.position
            self._report.opened += checked.content == "opened"
            self._report.redacted += checked.content == "redacted"
            self._report.unproven_payloads += checked.content == "unproven"
        self._check_version(number, event, where)

    def _check_version(self, number: int, event: Mapping[str, Any], position: int | None) -> None:
        stream, version = str(event.get("stream")), event.get("version")
        expected = self._versions.get(stream, 0) + 1
        if version != expected:
            detail = (
                f"The version {expected} of the stream {stream} is missing before position"
                f" {position}, which has the version {version}."
            )
            self._report.add("event missing", detail, line=number, position=position)
        self._versions[stream] = version if isinstance(version, int) else expected


def _open_checkpoint(
    note: bytes, keys: Sequence[VerifierKey], policy: TrustPolicy
) -> tuple[Checkpoint, list[str]]:
    """Return the signed checkpoint, and the names of the witnesses that have signed it."""
    try:
        found = policy.verify(note, keys)
    except ValueError as error:
        raise ExportUnreadable(
            f"The checkpoint of the export cannot be trusted: {error}."
        ) from error
    return found.checkpoint, [witness.name for witness in found.cosigned]


def _streams(connection_id: UUID) -> dict[str, UUID]:
    return {
        "connection": connection_id,
        "sync": Sync.id_for(connection_id),
        "readings": HistoryAccess.id_for(connection_id),
    }


def _parse(line: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ExportUnreadable(f"A line is no JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ExportUnreadable("A line is no JSON object.")
    return document
