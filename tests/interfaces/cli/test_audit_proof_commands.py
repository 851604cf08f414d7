"""`easeboard audit export` writes proofs, and `easeboard audit verify` checks them and the log."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from tests.infrastructure.event_store.aggregate_histories import new_connection, requested_sync
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog
from tests.interfaces.cli.run_cli import run_easeboard

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"
PERSON = UUID("00000000-0000-4000-8000-00000000ada1")
CONNECTION = str(new_connection(PERSON).id)


@pytest.fixture
def log(
    database_url: str, embedded_postgres: EmbeddedPostgres, tmp_path: Path
) -> Iterator[SealedTestLog]:
    """A log with a connection and a requested run, sealed and published."""

    async def append() -> None:
        settings = read_settings(
            _env_file=None, database_url=database_url, canvas_encryption_key=MASTER_KEY
        )
        async with bootstrap(settings) as process:
            await process.store.save(new_connection(PERSON), requested_sync(PERSON))

    asyncio.run(append())
    with psycopg.connect(database_url) as connection:
        name = connection.info.dbname
    url = psycopg.conninfo.make_conninfo(embedded_postgres.admin_url, dbname=name)
    log = SealedTestLog(url, tmp_path / "seals")
    with closing(log.connection):
        log.seal()
        log.publish()
        yield log


@pytest.fixture
def variables(database_url: str, log: SealedTestLog) -> dict[str, str]:
    """The environment of a process that uses the log and its published files."""
    return {
        "DATABASE_URL": database_url,
        "CANVAS_ENCRYPTION_KEY": MASTER_KEY,
        "SEAL_DIR": str(log.folder),
    }


def test_the_log_is_verified(
    empty_home: Path, log: SealedTestLog, variables: dict[str, str], tmp_path: Path
) -> None:
    result = run_easeboard(empty_home, "audit", "verify", "--json", **variables)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["result"], report["to_size"], report["problems"]) == ("ok", 2, [])
    kept = tmp_path / "kept"
    kept.write_bytes((log.folder / "checkpoint").read_bytes())

    log.tamper("UPDATE easeboard.events SET actor = 'nobody' WHERE position = 2")
    result = run_easeboard(empty_home, "audit", "verify", **variables)
    assert result.returncode == 1
    assert "actor changed: The row at position 2 was changed: actor is 'nobody'" in result.stdout

    log.reseal()
    log.publish()
    assert run_easeboard(empty_home, "audit", "verify", **variables).returncode == 0
    result = run_easeboard(
        empty_home, "audit", "verify", "--since", str(kept), "--json", **variables
    )
    assert result.returncode == 1
    assert [each["kind"] for each in json.loads(result.stdout)["problems"]] == ["history replaced"]


def test_an_export_is_verified_without_a_database(
    empty_home: Path, log: SealedTestLog, variables: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "ada.ndjson"
    command = ["audit", "export", CONNECTION, "--out", str(out)]
    refused = run_easeboard(empty_home, *command, **variables)
    assert refused.returncode == 2
    assert not out.exists()
    result = run_easeboard(empty_home, *command, "--purpose", "complaint 4711", **variables)
    assert result.returncode == 0, result.stderr
    assert "2 events" in result.stdout
    assert list(tmp_path.glob(".ada*")) == []

    vkey = str(log.folder / "vkey")
    result = run_easeboard(empty_home, "audit", "verify", str(out), "--vkey", vkey)
    assert result.returncode == 0, result.stderr
    assert "Each event in the file is as it was sealed. Others can be missing." in result.stdout
    assert "Last version connection 1, sync 1, no readings" in result.stdout
    assert "the last events of each stream, and all" in result.stdout
    result = run_easeboard(empty_home, "audit", "verify", str(out), "--json")
    assert json.loads(result.stdout)["key_from_file"] is True

    out.write_bytes(out.read_bytes().replace(b"SyncRequested", b"SyncCancelled"))
    result = run_easeboard(empty_home, "audit", "verify", str(out), "--vkey", vkey)
    assert result.returncode == 1
    assert "entry differs: line 3: The event at position 2 is wrong" in result.stdout

    readings = "SELECT topic FROM easeboard.events WHERE topic = 'HistoryRead'"
    assert len(log.connection.execute(readings).fetchall()) == 1


def test_an_export_to_standard_output_has_nothing_else(
    empty_home: Path, variables: dict[str, str]
) -> None:
    command = ["audit", "export", CONNECTION, "--out", "-", "--purpose", "complaint 4711"]
    result = run_easeboard(empty_home, *command, **variables)
    assert result.returncode == 0, result.stderr
    kinds = [json.loads(line)["line"] for line in result.stdout.splitlines()]
    assert kinds == ["header", "event", "event", "summary"]


def test_a_device_is_written_to_and_stays_one(
    empty_home: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    command = ["audit", "export", CONNECTION, "--purpose", "complaint 4711", "--out"]
    link = tmp_path / "full"
    link.symlink_to("/dev/full")
    refused = run_easeboard(empty_home, *command, str(link), **variables)
    assert refused.returncode == 1
    assert "full cannot be written: No space left on device." in refused.stderr
    assert link.is_char_device()
    printed = run_easeboard(empty_home, *command, "/dev/stdout", **variables)
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout.splitlines()[-1])["line"] == "summary"


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--vkey", "nonsense"], 2, "nonsense is no vkey, and no file"),
        (["--since", "no such file"], 2, "does not exist"),
        ([__file__], 1, "no JSON"),
        ([__file__, "--since", __file__], 2, "leave it out"),
        (["--policy", __file__], 2, "line 1"),
        (["--seal-dir", str(Path(__file__).parent)], 2, "neither a checkpoint nor tiles"),
    ],
    ids=["vkey", "since", "no export", "since of an export", "policy", "seal directory"],
)
def test_wrong_arguments_name_the_way_out(
    empty_home: Path, options: list[str], code: int, text: str
) -> None:
    result = run_easeboard(empty_home, "audit", "verify", *options)
    assert (result.returncode, text in result.stderr.replace("\n", " ")) == (code, True)
