"""`SEAL_DIR` always has all files of its checkpoint, and no full file ever changes."""

import os
import shutil
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from infrastructure.postgres.lease import LeaseClaim
from infrastructure.postgres.pools import WritePool
from infrastructure.seals.recent_entries import RecentEntries
from infrastructure.seals.seal_agreement import SealsDisagree, find_disagreement
from infrastructure.seals.seal_directory import (
    SealDirectory,
    SealFileUnreadable,
    published_checkpoint,
)
from infrastructure.seals.seal_publisher import SealPublisher
from tests.infrastructure.seals.log_rows import insert_rows, take_lease
from tests.infrastructure.seals.published_files import files_of, verified_size
from tests.infrastructure.seals.sealers import END, new_sealer, seal_all


@pytest.fixture
def claim(database_url: str) -> LeaseClaim:
    return take_lease(database_url)


@pytest.fixture
def seal_dir(tmp_path: Path) -> Path:
    return tmp_path / "seals"


def new_publisher(pool: WritePool, directory: Path) -> SealPublisher:
    return SealPublisher(pool, directory, RecentEntries())


def test_each_publication_is_complete(
    database_url: str, write_pool: WritePool, claim: LeaseClaim, seal_dir: Path
) -> None:
    sealer, recent = new_sealer(write_pool), RecentEntries(300)
    publisher = SealPublisher(write_pool, seal_dir, recent)
    assert publisher.publish() == 0
    size = 0
    for count in (1, 254, 1, 1, 600, 3):
        insert_rows(database_url, count)
        size += count
        batch = sealer.seal_batch(claim, END)
        recent.add(batch.start, batch.entries)
        assert publisher.publish() == verified_size(seal_dir) == size
        assert published_checkpoint(seal_dir)
    partial = [path for path in files_of(seal_dir) if ".p/" in path]
    assert {path.rsplit("/", 1)[0] for path in partial} == {
        "tile/0/003.p", "tile/1/000.p", "tile/entries/003.p",
    }, "those of full tiles are removed"  # fmt: skip


def test_entries_are_private_and_hashes_are_not(
    database_url: str, write_pool: WritePool, claim: LeaseClaim, seal_dir: Path
) -> None:
    insert_rows(database_url, 257)
    seal_all(new_sealer(write_pool), claim)
    new_publisher(write_pool, seal_dir).publish()
    modes = {path: (seal_dir / path).stat().st_mode & 0o777 for path in files_of(seal_dir)}
    mask = os.umask(0)
    os.umask(mask)
    for path, mode in modes.items():
        assert mode == (0o600 if path.startswith("tile/entries") else 0o644 & ~mask), path
    assert (seal_dir / "tile/entries").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("loss", ["everything", "a tile", "a bundle", "an upper tile", "a partial"])
def test_what_is_missing_is_filled_again(
    database_url: str, write_pool: WritePool, claim: LeaseClaim, seal_dir: Path, loss: str
) -> None:
    insert_rows(database_url, 700)
    seal_all(new_sealer(write_pool), claim)
    new_publisher(write_pool, seal_dir).publish()
    before = files_of(seal_dir)
    lost = {
        "a tile": "tile/0/001",
        "a bundle": "tile/entries/000",
        "an upper tile": "tile/1/000.p/2",
    }
    if loss == "everything":
        shutil.rmtree(seal_dir)
    else:
        (seal_dir / lost.get(loss, "tile/0/002.p/188")).unlink()
    new_publisher(write_pool, seal_dir).publish()
    assert files_of(seal_dir) == before


def test_a_published_file_that_was_changed_is_left_and_reported(
    database_url: str, write_pool: WritePool, claim: LeaseClaim, seal_dir: Path
) -> None:
    insert_rows(database_url, 300)
    seal_all(new_sealer(write_pool), claim)
    new_publisher(write_pool, seal_dir).publish()
    (seal_dir / "tile/0/000").write_bytes(b"x" * 8192)
    (seal_dir / "tile/entries/000").unlink()
    with capture_logs() as logs:
        new_publisher(write_pool, seal_dir).publish()
    (report,) = [entry for entry in logs if entry["event"] == "sealed_data_changed"]
    assert "tile/0/000" in report["reason"]
    assert (seal_dir / "tile/0/000").read_bytes() == b"x" * 8192


def test_entries_that_were_changed_since_are_not_published(
    database_url: str, write_pool: WritePool, claim: LeaseClaim, seal_dir: Path
) -> None:
    insert_rows(database_url, 300)
    seal_all(new_sealer(write_pool), claim)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        connection.execute("UPDATE easeboard.events SET actor = 'another' WHERE position = 7")
    with capture_logs() as logs:
        assert new_publisher(write_pool, seal_dir).publish() == 300
    assert [entry["kind"] for entry in logs] == ["entries"]
    assert "tile/entries/000" not in files_of(seal_dir)
    assert "tile/0/000" in files_of(seal_dir)


def test_a_restored_database_does_not_continue_a_newer_directory(
    database_url: str, write_pool: WritePool, claim: LeaseClaim, seal_dir: Path
) -> None:
    insert_rows(database_url, 20)
    seal_all(new_sealer(write_pool, 10), claim)
    new_publisher(write_pool, seal_dir).publish()
    assert find_disagreement(write_pool, seal_dir) is None
    before = files_of(seal_dir)
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM easeboard.seal_checkpoints WHERE size > 10")
    publisher = new_publisher(write_pool, seal_dir)
    with pytest.raises(SealsDisagree, match="20 events, and the database only one of 10"):
        publisher.publish()
    assert files_of(seal_dir) == before


def test_another_history_of_the_same_length_is_recognised(
    database_url: str, write_pool: WritePool, claim: LeaseClaim, seal_dir: Path
) -> None:
    insert_rows(database_url, 20)
    seal_all(new_sealer(write_pool), claim)
    new_publisher(write_pool, seal_dir).publish()
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE easeboard.seal_tiles DISABLE TRIGGER USER")
        connection.execute("DELETE FROM easeboard.seal_checkpoints")
        connection.execute("DELETE FROM easeboard.seal_tiles")
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        connection.execute("UPDATE easeboard.events SET actor = 'another' WHERE position = 7")
    insert_rows(database_url, 5)
    seal_all(new_sealer(write_pool), claim)
    with pytest.raises(SealsDisagree, match="does not continue"):
        new_publisher(write_pool, seal_dir).publish()


def test_the_directory_of_another_database_is_recognised(
    database_url: str, write_pool: WritePool, claim: LeaseClaim, seal_dir: Path
) -> None:
    insert_rows(database_url, 2)
    seal_all(new_sealer(write_pool), claim)
    new_publisher(write_pool, seal_dir).publish()
    note = (seal_dir / "checkpoint").read_text()
    (seal_dir / "checkpoint").write_text(note.replace("localhost", "elsewhere"))
    assert "seals of elsewhere" in (find_disagreement(write_pool, seal_dir) or "")
    (seal_dir / "checkpoint").write_text("no note")
    assert "no signed checkpoint" in (find_disagreement(write_pool, seal_dir) or "")
    with pytest.raises(SealFileUnreadable):
        new_publisher(write_pool, seal_dir).publish()


def test_an_interrupted_write_leaves_no_half_file(seal_dir: Path) -> None:
    directory = SealDirectory(seal_dir)
    (seal_dir / "tile/0").mkdir(parents=True)
    # A process was killed while it wrote.
    (seal_dir / "tile/0/.000.new").write_bytes(b"half")
    directory.write_once({"tile/0/000": b"whole"})
    assert [path.name for path in (seal_dir / "tile/0").iterdir()] == ["000"]
    assert (seal_dir / "tile/0/000").read_bytes() == b"whole"
