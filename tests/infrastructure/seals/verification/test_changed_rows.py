"""Each change of a row is found with its position and its columns."""

import random

import pytest

from infrastructure.seals.verification.findings import Finding
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog

CHANGES = {
    "stream": "stream = md5('other')::uuid",
    "version": "version = version + 100",
    "topic": "topic = 'SyncFailed'",
    "event_id": "event_id = md5('other')::uuid",
    "recorded_at": "recorded_at = recorded_at + interval '1 microsecond'",
    "actor": "actor = actor || ' '",
    "correlation_id": "correlation_id = coalesce(correlation_id || 'x', '')",
    "causation_id": "causation_id = CASE WHEN causation_id IS NULL THEN md5('c')::uuid END",
    "command_id": "command_id = md5('other')::uuid",
    "person_id": "person_id = md5('other')::uuid",
    "state": "state = set_byte(state, 7, get_byte(state, 7) # 1)",
}
KINDS = {"state": "state changed", "actor": "actor changed", "recorded_at": "time changed"}
INDEXES = [0, 1, 254, 255, 256, 511, 599, 600, 699]


def findings_of(log: SealedTestLog) -> list[Finding]:
    report = log.verify()
    assert report.result == "problems"
    return [each for each in report.findings if each.kind != "versions not contiguous"]


def change(log: SealedTestLog, assignment: str, position: int) -> None:
    """Change the row at a position."""
    statement = f"UPDATE easeboard.events SET {assignment} WHERE position = %s"  # noqa: S608
    log.tamper(statement, position)


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found(log: SealedTestLog, column: str) -> None:
    index = INDEXES[list(CHANGES).index(column) % len(INDEXES)]
    position = log.positions()[index]
    change(log, CHANGES[column], position)
    [finding] = findings_of(log)
    assert (finding.position, finding.index, finding.fields) == (position, index, (column,))
    assert finding.kind == KINDS.get(column, "row changed")


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found_without_published_files(log: SealedTestLog, column: str) -> None:
    log.remove_folder()
    index = INDEXES[-list(CHANGES).index(column) % len(INDEXES)]
    position = log.positions()[index]
    change(log, CHANGES[column], position)
    [finding] = findings_of(log)
    assert (finding.kind, finding.position, finding.index) == ("row changed", position, index)


@pytest.mark.parametrize(
    "assignment",
    [
        "recorded_at = 'infinity'",
        "recorded_at = '0044-03-15 BC'",
        "correlation_id = repeat('x', 100000)",
        "actor = ''",
        "state = ''",
        "state = state || '\\x00'::bytea",
    ],
)
def test_values_that_no_append_writes_are_found(log: SealedTestLog, assignment: str) -> None:
    position = log.positions()[300]
    change(log, assignment, position)
    [finding] = findings_of(log)
    assert (finding.position, finding.fields) == (position, (assignment.partition(" ")[0],))


def test_any_change_anywhere_is_found(log: SealedTestLog) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    positions = log.positions()[:700]
    for _ in range(25):
        position, column = chance.choice(positions), chance.choice(list(CHANGES))
        with log.undone():
            change(log, CHANGES[column], position)
            [finding] = findings_of(log)
        assert (finding.position, finding.fields) == (position, (column,)), seed
    assert log.verify().result == "ok"


def test_null_is_not_an_empty_text(log: SealedTestLog) -> None:
    position = log.positions()[4]
    log.tamper("UPDATE easeboard.events SET correlation_id = '' WHERE position = %s", position)
    [finding] = findings_of(log)
    assert (finding.position, finding.fields) == (position, ("correlation_id",))
    assert "correlation_id is '', sealed was NULL" in finding.detail


def test_a_moved_row_is_one_finding(log: SealedTestLog) -> None:
    position = log.positions()[254]
    log.tamper(
        "UPDATE easeboard.events SET position = %s WHERE position = %s", position + 2, position
    )
    [finding] = findings_of(log)
    assert (finding.kind, finding.position, finding.index) == ("row moved", position, 254)
    assert str(position + 2) in finding.detail


@pytest.mark.parametrize("with_files", [True, False])
@pytest.mark.parametrize("count", [1, 30, 300])
def test_newest_rows_that_were_cut_off_are_found(
    log: SealedTestLog, count: int, *, with_files: bool
) -> None:
    positions = log.positions()
    log.tamper("DELETE FROM easeboard.events WHERE position > %s", positions[699 - count])
    if not with_files:
        log.remove_folder()
    report = log.verify()
    missing = [each for each in report.findings if each.kind == "row missing"]
    assert [each.index for each in missing] == list(range(700 - count, 700))[: len(missing)]
    assert report.finding_count >= min(count, 100)
    if with_files:
        first = positions[700 - count :][: len(missing)]
        assert [each.position for each in missing] == first


@pytest.mark.parametrize("with_files", [True, False])
def test_swapped_rows_are_found(log: SealedTestLog, *, with_files: bool) -> None:
    one, other = log.positions()[100], log.positions()[520]
    if not with_files:
        log.remove_folder()
    swap = "UPDATE easeboard.events SET position = %s WHERE position = %s"
    log.tamper(swap, -1, one)
    log.tamper(swap, one, other)
    log.tamper(swap, other, -1)
    findings = findings_of(log)
    assert [(each.kind, each.position) for each in findings] == [
        ("rows swapped", one),
        ("rows swapped", other),
    ]


@pytest.mark.parametrize("with_files", [True, False])
def test_a_row_that_was_inserted_in_a_gap_is_found(log: SealedTestLog, *, with_files: bool) -> None:
    position = log.positions()[254] + 2
    if not with_files:
        log.remove_folder()
    log.tamper(
        "INSERT INTO easeboard.events (position, stream, version, topic, actor, command_id,"
        " person_id, state) SELECT %s, md5('new')::uuid, 1, topic, actor, command_id, person_id,"
        " state FROM easeboard.events WHERE position = 1",
        position,
    )
    [finding] = findings_of(log)
    assert (finding.kind, finding.position, finding.index) == ("row inserted", position, None)


def test_a_row_beyond_all_positions_is_found(log: SealedTestLog) -> None:
    position = log.positions()[-1] + 5
    log.tamper(
        "INSERT INTO easeboard.events (position, stream, version, topic, actor, command_id,"
        " person_id, state) SELECT %s, md5('new')::uuid, 1, topic, actor, command_id, person_id,"
        " state FROM easeboard.events WHERE position = 1",
        position,
    )
    [finding] = findings_of(log)
    assert (finding.kind, finding.position) == ("row inserted", position)


def test_a_missing_row_in_the_middle_is_found(log: SealedTestLog) -> None:
    position = log.positions()[300]
    log.tamper("DELETE FROM easeboard.events WHERE position = %s", position)
    report = log.verify()
    kinds = {each.kind for each in report.findings}
    assert kinds == {"row missing", "versions not contiguous"}
    [missing] = [each for each in report.findings if each.kind == "row missing"]
    assert (missing.position, missing.index) == (position, 300)


def test_exchanged_people_are_found(log: SealedTestLog) -> None:
    one, other = log.positions()[10], log.positions()[615]
    log.tamper(
        "UPDATE easeboard.events AS event SET person_id = partner.person_id"
        " FROM easeboard.events AS partner WHERE event.position IN (%s, %s)"
        " AND partner.position IN (%s, %s) AND event.position <> partner.position",
        one,
        other,
        one,
        other,
    )
    findings = findings_of(log)
    assert [(each.kind, each.position) for each in findings] == [
        ("people exchanged", one),
        ("people exchanged", other),
    ]


def test_exchanged_states_are_found(log: SealedTestLog) -> None:
    one, other = log.positions()[10], log.positions()[615]
    log.tamper(
        "UPDATE easeboard.events AS event SET state = partner.state"
        " FROM easeboard.events AS partner WHERE event.position IN (%s, %s)"
        " AND partner.position IN (%s, %s) AND event.position <> partner.position",
        one,
        other,
        one,
        other,
    )
    assert [(each.kind, each.position) for each in findings_of(log)] == [
        ("states exchanged", one),
        ("states exchanged", other),
    ]


def test_many_changes_are_counted(log: SealedTestLog) -> None:
    log.tamper("UPDATE easeboard.events SET actor = 'nobody'")
    report = log.verify()
    assert len(report.findings) == 100
    assert [each.position for each in report.findings] == log.positions()[:100]
    assert report.finding_count > 100
