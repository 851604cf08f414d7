"""Tiles, checkpoints and whole histories that were replaced are found."""

import pytest

from infrastructure.seals.seal_directory import SealDirectory
from infrastructure.seals.signatures import new_signing_key
from tests.infrastructure.seals.verification.sealed_log import NAME, SealedTestLog


def kinds(log: SealedTestLog, **wanted: object) -> list[str]:
    return [each.kind for each in log.verify(**wanted).findings]


def test_a_checkpoint_with_another_root_is_found(log: SealedTestLog) -> None:
    log.tamper("UPDATE easeboard.seal_checkpoints SET root = sha256('x') WHERE size = 600")
    report = log.verify()
    [finding] = report.findings
    assert (finding.kind, finding.size) == ("checkpoint rewritten", 600)


@pytest.mark.parametrize("size", [600, 700])
def test_a_forged_note_is_found(log: SealedTestLog, size: int) -> None:
    log.tamper(
        "UPDATE easeboard.seal_checkpoints SET note = replace(note, E'\\n' || size, E'\\n601')"
        " WHERE size = %s",
        size,
    )
    [finding] = log.verify().findings
    assert (finding.kind, finding.size) == ("checkpoint rewritten", size)
    assert "signature" in finding.detail


def test_a_signed_checkpoint_of_another_tree_is_found(log: SealedTestLog) -> None:
    root = bytes(32)
    log.tamper(
        "UPDATE easeboard.seal_checkpoints SET root = %s, note = %s WHERE size = 600",
        root,
        log.sign(600, root).decode(),
    )
    [finding] = log.verify().findings
    assert (finding.kind, finding.size) == ("checkpoint rewritten", 600)
    assert "its root is not that of the rows" in finding.detail


def test_another_last_position_is_found(log: SealedTestLog) -> None:
    log.tamper(
        "UPDATE easeboard.seal_checkpoints SET last_position = last_position - 1 WHERE size = 600"
    )
    [finding] = log.verify().findings
    assert (finding.kind, finding.size) == ("checkpoint rewritten", 600)


def test_a_published_checkpoint_that_was_changed_is_found(log: SealedTestLog) -> None:
    path = log.folder / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n700\n", b"\n701\n"))
    [finding] = log.verify().findings
    assert finding.kind == "checkpoint rewritten"
    assert "published" in finding.detail


def test_a_published_checkpoint_that_was_removed_is_found(log: SealedTestLog) -> None:
    (log.folder / "checkpoint").unlink()
    [finding] = log.verify().findings
    assert finding.kind == "checkpoint missing"
    assert str(log.folder) in finding.detail


def test_the_first_checkpoint_may_be_missing_while_its_tiles_are_published(
    log: SealedTestLog,
) -> None:
    (log.folder / "checkpoint").unlink()
    with SealDirectory(log.folder).locked():
        assert log.verify().result == "ok"


def test_another_published_key_is_found_also_by_those_who_bring_their_own(
    log: SealedTestLog,
) -> None:
    own, other = log.key.verifier, new_signing_key(NAME).verifier
    assert log.verify(keys=[own]).result == "ok"
    (log.folder / "vkey").write_text(f"{other}\n")
    [finding] = log.verify(keys=[own]).findings
    assert finding.kind == "key unknown"
    assert str(other) in finding.detail


@pytest.mark.parametrize(
    ("level", "number", "byte", "index"), [(0, 1, 40, 257), (0, 2, 0, 512), (1, 0, 33, 0)]
)
def test_a_tile_of_the_database_that_was_changed_is_found(
    log: SealedTestLog, level: int, number: int, byte: int, index: int
) -> None:
    log.tamper(
        "UPDATE easeboard.seal_tiles SET hashes = set_byte(hashes, %s, get_byte(hashes, %s) # 1)"
        " WHERE (level, number) = (%s, %s)",
        byte,
        byte,
        level,
        number,
    )
    [finding] = log.verify().findings
    assert (finding.kind, finding.index) == ("tile rewritten", index)
    if level == 0:
        assert finding.position == log.positions()[index]


def test_a_tile_that_begins_elsewhere_is_found(log: SealedTestLog) -> None:
    log.tamper(
        "UPDATE easeboard.seal_tiles SET first_position = first_position - 1"
        " WHERE (level, number) = (0, 1)"
    )
    [finding] = log.verify().findings
    assert (finding.kind, finding.index) == ("tile rewritten", 256)


def test_a_missing_tile_is_found(log: SealedTestLog) -> None:
    log.tamper("DELETE FROM easeboard.seal_tiles WHERE (level, number) = (0, 1)")
    [finding] = log.verify().findings
    assert (finding.kind, finding.index) == ("tile missing", 256)


@pytest.mark.parametrize("name", ["tile/0/001", "tile/1/000.p/2", "tile/entries/001"])
def test_a_published_file_that_was_changed_is_found(log: SealedTestLog, name: str) -> None:
    path = log.folder / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    [finding] = log.verify().findings
    assert finding.kind in {"tile rewritten", "entries rewritten"}
    assert finding.index == (511 if "/1/" not in name else 0)


def test_a_history_that_was_replaced_is_found_by_the_published_files(log: SealedTestLog) -> None:
    position = log.positions()[300]
    log.tamper("UPDATE easeboard.events SET actor = 'nobody' WHERE position = %s", position)
    log.reseal()
    assert log.verify(folder=None).result == "ok"
    report = log.verify()
    assert [each.kind for each in report.findings] == ["history replaced", "actor changed"]
    assert report.findings[1].position == position


def test_a_history_that_was_replaced_is_found_by_a_kept_checkpoint(log: SealedTestLog) -> None:
    kept = log.seal()
    log.tamper("UPDATE easeboard.events SET actor = 'nobody' WHERE position = 1")
    log.reseal()
    log.publish()
    assert log.verify().result == "ok"
    report = log.verify(kept=[kept])
    assert [each.kind for each in report.findings] == ["history replaced"]
    assert report.findings[0].size == 720


def test_a_history_that_was_replaced_is_found_by_what_was_verified_before(
    log: SealedTestLog,
) -> None:
    log.remove_folder()
    before = log.verify()
    log.tamper("UPDATE easeboard.events SET actor = 'nobody' WHERE position = 1")
    log.reseal()
    report = log.verify(after=before.end)
    assert [(each.kind, each.size) for each in report.findings] == [("history replaced", 700)]


def test_rows_and_tiles_that_were_changed_together_are_found(log: SealedTestLog) -> None:
    log.remove_folder()
    log.tamper("UPDATE easeboard.events SET actor = 'nobody' WHERE position = 650")
    notes = log.connection.execute("SELECT * FROM easeboard.seal_checkpoints ORDER BY size")
    kept = notes.fetchall()
    log.reseal()
    log.tamper("DELETE FROM easeboard.seal_checkpoints")
    for row in kept:
        log.tamper("INSERT INTO easeboard.seal_checkpoints VALUES (%s, %s, %s, %s, %s, %s)", *row)
    [finding] = log.verify().findings
    assert (finding.kind, finding.index, finding.size) == ("history replaced", 600, 700)


def test_a_history_that_was_cut_with_its_seals_is_found(log: SealedTestLog) -> None:
    positions = log.positions()
    log.tamper("DELETE FROM easeboard.events WHERE position > %s", positions[649])
    log.reseal()
    report = log.verify()
    assert report.findings[0].kind == "history cut"
    missing = [each for each in report.findings if each.kind == "row missing"]
    assert [each.position for each in missing] == positions[650:700]


def test_another_key_is_found(log: SealedTestLog) -> None:
    log.rotate_key()
    log.reseal()
    report = log.verify()
    assert "key unknown" in [each.kind for each in report.findings]
    assert NAME in report.findings[0].detail


def test_a_database_without_seals_is_found_by_a_kept_checkpoint(log: SealedTestLog) -> None:
    kept = log.seal()
    log.tamper("DELETE FROM easeboard.seal_checkpoints")
    log.tamper("DELETE FROM easeboard.seal_tiles")
    log.remove_folder()
    assert kinds(log, kept=[kept]) == ["history cut"]
