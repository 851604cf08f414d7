"""A changed or cut export is refused, or what it cannot show is named."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from domain.history_access import HistoryAccess
from domain.sync import Sync
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.seals.exports.export_header import ExportUnreadable
from interfaces.composition.process import Process
from interfaces.composition.startup_checks import load_master_keys
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog
from tests.interfaces.queries.audited_log import PERSON, SYNC
from tests.interfaces.queries.sealed_export import check, export

Line = dict[str, Any]
Change = Callable[[Line], object]


def changed(lines: list[bytes], number: int, change: Change) -> list[bytes]:
    document = orjson.loads(lines[number])
    change(document)
    return [*lines[:number], _encoded(document), *lines[number:][1:]]


def selected(lines: list[bytes], keep: Callable[[Line], bool]) -> list[bytes]:
    """Leave out events, with a summary that hides it."""
    events = [event for event in map(orjson.loads, lines[1:-1]) if keep(event)]
    summary = orjson.loads(lines[-1]) | {
        "events": len(events),
        "versions": {event["stream"]: event["version"] for event in events},
        "last_position": events[-1]["position"] if events else 0,
    }
    return [lines[0], *map(_encoded, events), _encoded(summary)]


def _encoded(document: Line) -> bytes:
    # Not with orjson, which refuses numbers above 64 bits.
    return json.dumps(document).encode() + b"\n"


def _set(name: str, value: Any) -> Change:
    return lambda document: document.update({name: value})


def _edit(name: str, change: Callable[[Any], Any]) -> Change:
    return lambda document: document.update({name: change(document[name])})


def _hide(payload: Line) -> Change:
    return lambda event: event.update(payload=payload, opening=None)


INEXACT_EVENTS: dict[str, Change] = {
    "another member": _set("sentence", "The teacher set 100."),
    "a missing member": lambda event: event.pop("actor"),
    "a position as a number with a fraction": _edit("position", lambda value: value + 0.9),
    "a position as text": _edit("position", str),
    "a position outside the range": _set("position", 2**70),
    "a version below 0": _set("version", -1),
    "an index as text": _edit("index", str),
    "digits after microseconds": _edit("recorded_at", lambda text: text.replace("Z", "999Z")),
    "another time zone": _edit("recorded_at", lambda text: text.replace("Z", "+00:00")),
    "a time without a zone": _edit("recorded_at", lambda text: text.replace("Z", "")),
    "an id as a URN": _edit("event_id", lambda text: f"urn:uuid:{text}"),
    "an id in capitals": _edit("event_id", str.upper),
    "an unknown stream": _set("stream", "other"),
    "base64 with other bits": _edit("entry", lambda text: text + "AB=="),
    "a path that is no text": _set("path", [1]),
}


async def test_a_line_is_accepted_in_its_exact_form_only(
    process: Process, log: SealedTestLog
) -> None:
    lines = await export(process)
    number = next(at for at, line in enumerate(lines) if b'"CourseFetched"' in line)
    for name, change in INEXACT_EVENTS.items():
        problems = check(log, changed(lines, number, change)).problems
        found = [(problem.kind, problem.line) for problem in problems]
        assert ("line malformed", number + 1) in found, name


async def test_a_member_that_occurs_twice_is_refused(process: Process, log: SealedTestLog) -> None:
    lines = await export(process)
    lines[2] = lines[2].replace(b'"payload":', b'"payload":{"score":100},"payload":', 1)
    assert "a member occurs twice" in check(log, lines).problems[0].detail


async def test_types_in_a_payload_are_compared(process: Process, log: SealedTestLog) -> None:
    lines = await export(process)
    number = next(at for at, line in enumerate(lines) if b'"CourseFetched"' in line)
    assert orjson.loads(lines[number])["payload"]["complete"] is True
    lines = changed(lines, number, _edit("payload", lambda payload: payload | {"complete": 1}))
    assert [problem.kind for problem in check(log, lines).problems] == ["payload differs"]


def _is_refused(log: SealedTestLog, lines: list[bytes]) -> bool:
    try:
        check(log, lines)
    except ExportUnreadable:
        return True
    return False


HEADERS: dict[str, Change] = {
    "log": _set("log", "other"),
    "vkeys": _set("vkeys", []),
    "a vkey that is no text": _set("vkeys", [1]),
    "a vkey in another form": _edit("vkeys", lambda keys: [f"{keys[0]}\n"]),
    "a vkey of another log": _edit("vkeys", lambda keys: [*keys, f"x{keys[0]}"]),
    "streams": _edit("streams", lambda streams: streams | {"sync": str(PERSON)}),
    "a missing stream": lambda header: header["streams"].pop("readings"),
    "exported_at": _set("exported_at", "garbage"),
    "connection_id": _edit("connection_id", str.upper),
    "another member": _set("note", "complete"),
}


async def test_each_member_of_the_header_is_checked(process: Process, log: SealedTestLog) -> None:
    lines = await export(process)
    for name, change in HEADERS.items():
        assert _is_refused(log, changed(lines, 0, change)), name


SUMMARIES: dict[str, tuple[Change, str]] = {
    "below 0": (_set("not_sealed_yet", -5), "line malformed"),
    "true": (_set("not_sealed_yet", False), "line malformed"),
    "a fraction": (_edit("events", float), "line malformed"),
    "another stream": (_set("versions", {"other": 1}), "line malformed"),
    "another member": (_set("complete", True), "line malformed"),
    "events": (_edit("events", lambda count: count + 1), "event missing"),
    "versions": (_edit("versions", lambda found: found | {"sync": 99}), "event missing"),
    "last_position": (_set("last_position", 99), "event missing"),
}


async def test_each_member_of_the_summary_is_checked(process: Process, log: SealedTestLog) -> None:
    lines = await export(process)
    for name, (change, kind) in SUMMARIES.items():
        problems = check(log, changed(lines, -1, change)).problems
        assert [problem.kind for problem in problems] == [kind], name


async def test_what_differs_from_the_summary_is_named(process: Process, log: SealedTestLog) -> None:
    lines = changed(await export(process), -1, _edit("versions", lambda each: each | {"sync": 99}))
    (problem,) = check(log, lines).problems
    assert problem.detail.startswith("The last versions of the summary: connection 1, sync 99")
    assert "events" not in problem.detail


HIDDEN: dict[str, tuple[Line, str]] = {
    "as erased": ({"redacted": True}, "content hidden"),
    "as unreadable": ({"unreadable": "it was changed"}, "content hidden"),
    "with forged content": (
        {"unreadable": "x", "current": {"score": 100}, "course_name": "Forged"},
        "opening wrong",
    ),
    "with a long reason": ({"unreadable": "x" * 501}, "opening wrong"),
    "with a reason that is no text": ({"unreadable": {"score": 100}}, "opening wrong"),
    "with 1 for true": ({"redacted": 1}, "opening wrong"),
}


async def test_the_content_of_one_event_cannot_be_hidden(
    process: Process, log: SealedTestLog
) -> None:
    lines = await export(process)
    number = next(at for at, line in enumerate(lines) if b'"CourseFetched"' in line)
    for name, (payload, kind) in HIDDEN.items():
        report = check(log, changed(lines, number, _hide(payload)))
        position = orjson.loads(lines[number])["position"]
        assert [(each.kind, each.position) for each in report.problems] == [(kind, position)], name


async def test_one_event_of_an_erased_person_cannot_be_shown(
    process: Process, log: SealedTestLog
) -> None:
    before = await export(process)
    PersonKeys(process.pools.write_pool, load_master_keys(process.settings)).destroy(PERSON)
    process.mapper.forget_keys()
    lines = await export(process)
    report = check(log, lines)
    assert report.problems == []
    assert any(limit.startswith("Shown as erased: ") for limit in report.limits())
    (problem,) = check(log, [*lines[:2], before[2], *lines[3:]]).problems
    assert problem.kind == "content hidden"


async def test_a_person_whose_key_is_lost_is_counted_apart(
    process: Process, log: SealedTestLog
) -> None:
    log.tamper("DELETE FROM easeboard.people_keys")
    process.mapper.forget_keys()
    report = check(log, await export(process))
    assert report.problems == []
    assert (report.unreadable, report.redacted, report.unproven_payloads) == (
        report.events - report.opened,
        0,
        0,
    )
    assert any(limit.startswith("Shown as unreadable: ") for limit in report.limits())


async def test_a_history_without_its_beginning_is_refused(
    process: Process, log: SealedTestLog
) -> None:
    lines = await export(process)
    for keep in (lambda _: False, lambda event: event["stream"] != "connection"):
        (problem,) = check(log, selected(lines, keep)).problems
        assert problem.kind == "event missing"
        assert "ConnectionOpened" in problem.detail


async def test_a_selection_is_no_complete_history(process: Process, log: SealedTestLog) -> None:
    lines = await export(process)
    whole = check(log, lines).versions
    report = check(log, selected(lines, lambda event: event["stream"] != "readings"))
    assert report.problems == []
    assert report.versions == whole | {"readings": 0}
    assert "the last events of each stream" in report.limits()[1]


async def test_another_stream_is_no_connection(process: Process, log: SealedTestLog) -> None:
    # The runs are a stream too, whose events are sealed: but it begins with another event.
    lines = await export(process)
    only_sync = selected(lines, lambda event: event["stream"] == "sync")
    header = _set("connection_id", str(SYNC))
    with pytest.raises(ExportUnreadable, match="streams"):
        check(log, changed(only_sync, 0, header))
    streams = {
        "connection": str(SYNC),
        "sync": str(Sync.id_for(SYNC)),
        "readings": str(HistoryAccess.id_for(SYNC)),
    }
    renamed = [line.replace(b'"sync"', b'"connection"') for line in only_sync[1:]]
    lines = changed([only_sync[0], *renamed], 0, header)
    (problem,) = check(log, changed(lines, 0, _set("streams", streams))).problems
    assert problem.kind == "event missing"
