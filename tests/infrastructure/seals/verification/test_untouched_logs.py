"""A log that nobody has changed has no finding."""

import pytest

from infrastructure.seals.log_entries import read_entries
from infrastructure.seals.merkle import leaf_hash
from infrastructure.seals.tiles import GrowingTree
from infrastructure.seals.verification.findings import TreeState
from infrastructure.seals.verification.starting_point import start_after
from infrastructure.seals.verification.verify_log import VerificationScope, verify_log
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog


def test_a_log_with_gaps_is_right(log: SealedTestLog) -> None:
    report = log.verify()
    assert report.findings == ()
    assert report.result == "ok"
    assert (report.events, report.unsealed_events, report.end.size) == (700, 20, 700)
    assert report.compared_with == (
        "tiles of the database",
        "published tiles",
        "published entries",
    )
    assert report.checkpoints == 3
    assert report.end.last_position == log.positions()[699]


def test_published_files_may_be_older_than_the_database(log: SealedTestLog) -> None:
    log.seal()
    report = log.verify()
    assert (report.result, report.end.size) == ("ok", 720)


def test_checkpoints_of_an_earlier_key_stay_right(log: SealedTestLog) -> None:
    log.rotate_key()
    log.seal()
    log.publish()
    assert log.verify().result == "ok"


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600, 700, 720])
def test_only_what_came_after_a_known_tree_is_read_again(log: SealedTestLog, size: int) -> None:
    log.seal()
    tree = _tree_of(log, size)
    report = log.verify(after=tree)
    assert report.findings == ()
    assert report.start.size == size
    assert report.events == 720 - size
    assert report.end.root == _tree_of(log, 720).root


def test_rows_are_read_in_parts(log: SealedTestLog) -> None:
    report = log.verify(max_events=600)
    assert (report.result, report.end.size, report.is_complete) == ("ok", 600, False)
    rest = log.verify(after=report.end)
    assert (rest.result, rest.events, rest.is_complete) == ("ok", 100, True)


def test_a_kept_checkpoint_is_continued(log: SealedTestLog) -> None:
    kept = log.seal()
    log.append(300)
    log.seal()
    report = log.verify(kept=[kept])
    assert (report.result, report.start.size, report.events) == ("ok", 720, 300)


def test_a_log_without_a_checkpoint_is_not_sealed(log: SealedTestLog) -> None:
    log.tamper("DELETE FROM easeboard.seal_checkpoints")
    log.remove_folder()
    report = log.verify()
    assert (report.result, report.unsealed_events) == ("nothing sealed", 720)


def test_a_log_may_grow_while_it_is_verified(log: SealedTestLog) -> None:
    def append(_: int) -> None:
        log.append(30)
        log.seal()

    report = verify_log(log.connection, VerificationScope(folder=log.folder), append)
    assert (report.result, report.events) == ("ok", 700)


def _tree_of(log: SealedTestLog, size: int) -> TreeState:
    """Return the tree of the first rows, computed from the rows alone."""
    rows = read_entries(log.connection, 0, 2**62, size)
    tree = GrowingTree()
    tree.add(leaf_hash(entry) for _, entry in rows)
    state = TreeState(size, rows[-1][0], tree.root())
    assert start_after(log.connection, size, tree.root()).state == state
    return state
