"""An export proves the history of one connection to whoever has the public key of the log."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from domain.errors import ConnectionNotFound
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.seals.exports.export_check import check_export
from infrastructure.seals.exports.export_header import ExportUnreadable
from infrastructure.seals.signatures import new_signing_key
from interfaces.composition.process import Process
from interfaces.composition.startup_checks import load_master_keys
from interfaces.queries.log_proofs import NotSealedYet
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog
from tests.interfaces.queries.audited_log import CONNECTION, PERSON, read
from tests.interfaces.queries.sealed_export import check, export

Line = dict[str, Any]


async def test_an_export_proves_all_events(process: Process, log: SealedTestLog) -> None:
    lines = await export(process)
    report = check(log, lines)
    assert report.problems == []
    header, *events, summary = map(orjson.loads, lines)
    assert header["connection_id"] == str(CONNECTION)
    assert header["vkeys"] == [str(log.key.verifier)]
    assert report.events == len(events) == summary["events"]
    assert report.opened == report.events
    assert {event["stream"] for event in events} == {"connection", "sync", "readings"}
    page, _ = await process.service.history(CONNECTION, limit=None)
    shown = [orjson.loads(item) for item in page.items]
    for event, item in zip(events, shown, strict=True):
        assert {name: event[name] for name in item if name in event} == {
            name: value for name, value in item.items() if name in event
        }
    assert not report.key_from_file
    assert "does not show whether newer events exist" in report.limits()[0]


@pytest.mark.usefixtures("log")
async def test_the_key_of_the_file_is_used_with_a_warning(process: Process) -> None:
    report = check_export(await export(process))
    assert report.problems == []
    assert report.key_from_file
    assert "anybody could have made the file" in report.limits()[0]


async def test_another_key_is_refused(process: Process, log: SealedTestLog) -> None:
    other = new_signing_key(log.key.name).verifier
    with pytest.raises(ExportUnreadable, match="cannot be trusted"):
        check_export(await export(process), keys=[other])


async def test_what_is_not_sealed_yet_stays_out(
    process: Process, log: SealedTestLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.queries.history_export.SEAL_WAIT_SECONDS", 0.0)
    before = len(await export(process))
    await read(process)
    lines = await export(process)
    assert len(lines) == before
    report = check(log, lines)
    assert (report.problems, report.not_sealed_yet) == ([], 1)


async def test_an_erased_person_is_redacted_and_proven(
    process: Process, log: SealedTestLog
) -> None:
    before = check(log, await export(process))
    PersonKeys(process.pools.write_pool, load_master_keys(process.settings)).destroy(PERSON)
    process.mapper.forget_keys()
    lines = await export(process)
    report = check(log, lines)
    assert report.problems == []
    assert report.events == before.events
    assert report.redacted > 0
    for event in map(orjson.loads, lines[1:-1]):
        if event["payload"] == {"redacted": True}:
            assert event["opening"] is None


async def test_an_unknown_connection_has_no_export(process: Process) -> None:
    with pytest.raises(ConnectionNotFound):
        await process.service.export_history(PERSON)


async def test_a_log_without_seals_has_no_export(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.queries.history_export.SEAL_WAIT_SECONDS", 0.0)
    with pytest.raises(NotSealedYet):
        await export(process)


def _set(name: str, value: Any) -> Callable[[Line], None]:
    return lambda event: event.update({name: value})


def _flip(name: str) -> Callable[[Line], None]:
    def change(event: Line) -> None:
        text = event[name]
        event[name] = text[:40] + ("A" if text[40] != "A" else "B") + text[41:]

    return change


CHANGES = {
    "position": (_set("position", 3), "entry differs"),
    "event_id": (_set("event_id", str(PERSON)), "entry differs"),
    "stream": (_set("stream", "readings"), "entry differs"),
    "version": (_set("version", 7), "entry differs"),
    "type": (_set("type", "SyncCancelled"), "entry differs"),
    "recorded_at": (_set("recorded_at", "2026-01-01T00:00:00Z"), "entry differs"),
    "actor": (_set("actor", "nobody"), "entry differs"),
    "correlation_id": (_set("correlation_id", "x"), "entry differs"),
    "payload": (_set("payload", {"score": 100}), "payload differs"),
    "redacted": (_set("payload", {"redacted": True}), "payload differs"),
    "index": (_set("index", 1), "proof wrong"),
    "path": (_set("path", []), "proof wrong"),
    "entry": (_flip("entry"), "entry differs"),
    "state": (_flip("state"), "state changed"),
    "opening": (_set("opening", {"salt": "AA==", "plaintext": "{}"}), "opening wrong"),
    "no opening": (_set("opening", None), "opening wrong"),
}


async def test_a_changed_member_is_found(process: Process, log: SealedTestLog) -> None:
    lines = await export(process)
    number = next(at for at, line in enumerate(lines) if b'"CourseFetched"' in line)
    for name, (change, kind) in CHANGES.items():
        event = orjson.loads(lines[number])
        change(event)
        changed = [*lines[:number], orjson.dumps(event) + b"\n", *lines[number + 1 :]]
        found = [(problem.kind, problem.line) for problem in check(log, changed).problems]
        assert (kind, number + 1) in found, name


REARRANGEMENTS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "without a summary": (lambda lines: lines[:-1], "file cut"),
    "without an event": (lambda lines: [*lines[:2], *lines[3:]], "event missing"),
    "without the last event": (lambda lines: [*lines[:-2], lines[-1]], "event missing"),
    "reversed": (lambda lines: [lines[0], *lines[1:-1][::-1], lines[-1]], "order wrong"),
    "an event twice": (lambda lines: [*lines[:2], lines[1], *lines[2:]], "order wrong"),
    "an event at the end": (lambda lines: [*lines, lines[1]], "line malformed"),
    "no JSON": (lambda lines: [*lines[:2], b"{\n", *lines[2:]], "line malformed"),
}


async def test_missing_and_moved_lines_are_found(process: Process, log: SealedTestLog) -> None:
    lines = await export(process)
    for name, (change, kind) in REARRANGEMENTS.items():
        report = check(log, change(lines))
        assert kind in {problem.kind for problem in report.problems}, name


@pytest.mark.parametrize("first", [b"", b"\xff", b"[]", b"{}", b'{"line":"header"}'])
def test_another_file_is_refused(first: bytes) -> None:
    with pytest.raises(ExportUnreadable):
        check_export([first])
