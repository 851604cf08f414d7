from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from infrastructure.seals.erased_people import TombstoneFiles, TombstonesUnreadable

AT = datetime(2026, 9, 1, 12, tzinfo=UTC)


def test_a_file_has_who_was_erased_when_and_where(tmp_path: Path) -> None:
    files, person = TombstoneFiles(tmp_path), uuid4()
    assert files.people() == set()
    files.add(person, AT, 4711)
    assert files.people() == {person}
    text = (tmp_path / "erased" / str(person)).read_text()
    assert text == (
        f"easeboard.com/erased/v1\nperson {person}\nerased_at {AT.isoformat()}\nposition 4711\n"
    )


def test_a_file_is_never_changed(tmp_path: Path) -> None:
    files, person = TombstoneFiles(tmp_path), uuid4()
    files.add(person, AT, None)
    before = (tmp_path / "erased" / str(person)).read_text()
    files.add(person, datetime.now(UTC), 7)
    assert (tmp_path / "erased" / str(person)).read_text() == before


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    files, person = TombstoneFiles(tmp_path), uuid4()
    files.add(person, AT, 1)
    for name in (".hidden", "README", str(uuid4()).upper(), uuid4().hex):
        (tmp_path / "erased" / name).touch()
    assert files.people() == {person}


def test_what_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "erased").write_text("")
    with pytest.raises(TombstonesUnreadable, match="SEAL_DIR"):
        TombstoneFiles(tmp_path).people()
