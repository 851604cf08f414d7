"""Checks an export line by line, with the public key of the log alone."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from domain.events.connection import ConnectionOpened
from infrastructure.seals.exact_json import JsonInexact, require_members
from infrastructure.seals.exports.event_check import CheckedEvent, EventCheck, EventWrong
from infrastructure.seals.exports.export_header import (
    ExportUnreadable,
    OpenedHeader,
    open_header,
    parse_line,
)
from infrastructure.seals.exports.export_lines import EVENT, SUMMARY, SUMMARY_MEMBERS
from infrastructure.seals.exports.export_report import ExportReport, last_versions
from infrastructure.seals.exports.hidden_content import HiddenContent
from infrastructure.seals.signatures import VerifierKey
from infrastructure.seals.trust_policy import NO_QUORUM, TrustPolicy

NO_POLICY = TrustPolicy((), (), (), NO_QUORUM)
FIRST_TOPIC = ConnectionOpened.TOPIC.encode()  # type: ignore[attr-defined]  # set by stored_as


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
    header = open_header(first, keys, policy)
    checker = _ExportChecker(header, key_from_file=not (keys or policy.log_keys))
    progress(len(first))
    for number, line in numbered:
        checker.check_line(number, line)
        progress(len(line))
    return checker.finish()


class _ExportChecker:
    """The state of a check: where each stream and the log stand."""

    def __init__(self, header: OpenedHeader, *, key_from_file: bool) -> None:
        self._report = ExportReport(
            connection_id=str(header.connection_id),
            log=header.checkpoint.origin,
            keys=[str(key) for key in header.trusted],
            key_from_file=key_from_file,
            tree_size=header.checkpoint.size,
            cosigners=header.cosigners,
            versions=dict.fromkeys(header.streams, 0),
        )
        self._connection_id = header.connection_id
        self._events = EventCheck(header.checkpoint, header.streams)
        self._hidden = HiddenContent()
        self._is_opened = False
        self._last_position = self._last_index = -1
        self._shown_position = 0
        self._summary: Mapping[str, Any] | None = None

    def check_line(self, number: int, line: bytes) -> None:
        """Check one line after the header."""
        try:
            document = parse_line(line)
        except ExportUnreadable as error:
            self._report.add("line malformed", str(error), line=number)
            return
        if self._summary is not None:
            self._report.add("line malformed", "It follows the summary.", line=number)
        elif document.get("line") == SUMMARY:
            self._summary = document
            self._check_summary(number, document)
        elif document.get("line") == EVENT:
            self._check_event(number, document)
        else:
            self._report.add("line malformed", "It is no event and no summary.", line=number)

    def finish(self) -> ExportReport:
        """Check what the whole file must have, and return the report."""
        report = self._report
        if self._summary is None:
            report.add("file cut", "The file has no summary at its end: a part of it is missing.")
        if not self._is_opened:
            report.add(
                "event missing",
                "No proven ConnectionOpened is version 1 of the stream connection: each history"
                " begins with one.",
            )
        for position, detail in self._hidden.findings().items():
            report.add("content hidden", detail, position=position)
        return report

    def _check_summary(self, number: int, summary: Mapping[str, Any]) -> None:
        report = self._report
        try:
            _require_summary(summary, report.versions)
        except JsonInexact as error:
            report.add("line malformed", f"The summary is wrong: {error}.", line=number)
            return
        report.not_sealed_yet = summary["not_sealed_yet"]
        versions = {name: version for name, version in report.versions.items() if version}
        for what, counted, found in (
            ("number of events", summary["events"], report.events),
            ("last versions", summary["versions"], versions),
            ("last position", summary["last_position"], self._shown_position),
        ):
            if counted != found:
                detail = f"The {what} of the summary: {_shown(counted)}; of the file: "
                report.add("event missing", f"{detail}{_shown(found)}.", line=number)

    def _check_event(self, number: int, event: Mapping[str, Any]) -> None:
        self._report.events += 1
        shown = event.get("position")
        position = shown if type(shown) is int else None
        name = "The event" if position is None else f"The event at position {position}"
        try:
            checked = self._events.check(event)
        except EventWrong as error:
            detail = f"{name} is wrong: {error}."
            self._report.add(error.kind, detail, line=number, position=position)
        else:
            is_ascending = checked.entry_index > self._last_index
            self._last_index = checked.entry_index
            if not is_ascending or checked.entry.position <= self._last_position:
                detail = f"{name} is not after the one before it."
                self._report.add("order wrong", detail, line=number, position=position)
            self._last_position = checked.entry.position
            self._count(checked)
        self._shown_position = position or 0
        self._check_version(number, event, position)

    def _count(self, event: CheckedEvent) -> None:
        self._report.count(event.content)
        self._hidden.add(event)
        entry = event.entry
        is_first = (entry.stream, entry.version) == (self._connection_id, 1)
        self._is_opened |= is_first and entry.topic == FIRST_TOPIC

    def _check_version(self, number: int, event: Mapping[str, Any], position: int | None) -> None:
        versions, stream, version = self._report.versions, event.get("stream"), event.get("version")
        if not isinstance(stream, str) or stream not in versions:
            # The line is reported already.
            return
        expected = versions[stream] + 1
        if type(version) is not int:
            version = expected
        if version != expected:
            detail = (
                f"The version {expected} of the stream {stream} is missing before position"
                f" {position}, which has the version {version}."
            )
            self._report.add("event missing", detail, line=number, position=position)
        versions[stream] = version


def _require_summary(summary: Mapping[str, Any], streams: Container[str]) -> None:
    require_members(summary, SUMMARY_MEMBERS, "it")
    if summary["not_sealed_yet"] < 0:
        raise JsonInexact("its member `not_sealed_yet` is below 0")
    for stream, version in summary["versions"].items():
        if stream not in streams or type(version) is not int:
            raise JsonInexact("its member `versions` has what is no version of a stream")


def _shown(counted: int | Mapping[str, int]) -> str:
    return str(counted) if isinstance(counted, int) else last_versions(counted)
