"""A database that is restored from before an erasure erases again before it serves anybody."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.seals.erased_people import TombstoneFiles, TombstonesUnreadable
from infrastructure.settings.settings import Settings, read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.erasure import RESTORE_ACTOR
from tests.dev_tokens import ADA, BOB, SECRET
from tests.end_to_end.conftest import MASTER_KEY, running_service, wait_until
from tests.end_to_end.dumps import dump, in_plain_text, restore
from tests.end_to_end.erased_rows import are_only_tombstones, texts_of
from tests.interfaces.cli.run_cli import run_easeboard


@pytest.fixture
def seal_dir(tmp_path: Path) -> Path:
    return tmp_path / "seals"


@pytest.fixture
def settings(settings: Settings, seal_dir: Path) -> Settings:
    return settings.model_copy(update={"seal_dir": seal_dir})


async def test_a_restored_dump_from_before_an_erasure_is_erased_before_it_serves(
    settings: Settings,
    sandbox: Sandbox,
    embedded_postgres: EmbeddedPostgres,
    empty_database_url: str,
    seal_dir: Path,
) -> None:
    assert settings.database_url
    async with running_service(settings) as (_, ada):
        await ada.connect(sandbox)
        await ada.as_person(BOB).connect(sandbox, student=1)
        texts = await texts_of(ada, sandbox)
        backup = await dump(embedded_postgres, settings.database_url.get_secret_value())
        await ada("DELETE", "/api/v1/me")
    kept = (seal_dir / "erased" / str(ADA)).read_text().splitlines()
    assert kept[:2] == ["easeboard.com/erased/v1", f"person {ADA}"]
    await restore(embedded_postgres, empty_database_url, backup)
    found = await asyncio.to_thread(check_of_doctor, seal_dir.parent, empty_database_url, seal_dir)
    assert not found["ok"]
    assert "lost 1 erasure," in found["detail"]
    restored = settings.model_copy(
        update={"database_url": read_settings(database_url=empty_database_url).database_url}
    )
    async with bootstrap(restored):
        with psycopg.connect(empty_database_url) as connection:
            [actors] = connection.execute(
                "SELECT array_agg(actor) FROM easeboard.events WHERE topic = 'PersonErased'"
            ).fetchall()
        assert actors == ([RESTORE_ACTOR],)
        again = await dump(embedded_postgres, empty_database_url)
        own = texts - {sandbox.tokens[0]["token"]}
        assert in_plain_text(backup, own) == own
        shared = in_plain_text(again, own)
    async with running_service(restored) as (_, ada):
        assert (await ada.get("/api/v1/canvas/courses"))["items"] == []
        of_bob = await texts_of(ada.as_person(BOB), sandbox)
        assert shared <= of_bob
        await wait_until(lambda: are_only_tombstones(empty_database_url, ADA))


def check_of_doctor(home: Path, url: str, seal_dir: Path) -> dict[str, Any]:
    """Return what `easeboard doctor` finds about erasures."""
    variables = {"DATABASE_URL": url, "SEAL_DIR": str(seal_dir)}
    variables |= {"CANVAS_ENCRYPTION_KEY": MASTER_KEY, "SUPABASE_JWT_SECRET": SECRET}
    output = run_easeboard(home, "doctor", "--json", **variables).stdout
    [found] = [each for each in json.loads(output)["checks"] if each["check"] == "erasures"]
    return dict(found)


async def test_an_erasure_that_is_lost_while_the_service_runs_is_repeated(
    settings: Settings, seal_dir: Path
) -> None:
    async with bootstrap(settings) as process:
        assert await process.erasure.lost_erasures() == []
        TombstoneFiles(seal_dir).add(BOB, datetime.now(UTC), None)
        assert await process.erasure.lost_erasures() == [BOB]
        assert await process.erasure.erase_again() == [BOB]
        assert await process.erasure.lost_erasures() == []
        assert await process.service.is_erased(BOB)


@pytest.fixture
def file_instead_of_directory(seal_dir: Path) -> Path:
    seal_dir.mkdir()
    file = seal_dir / "erased"
    file.write_text("no directory")
    return file


@pytest.mark.usefixtures("file_instead_of_directory")
async def test_nobody_is_served_if_it_is_not_known_who_was_erased(settings: Settings) -> None:
    with pytest.raises(TombstonesUnreadable, match="SEAL_DIR"):
        async with bootstrap(settings):
            pass


async def test_files_that_were_not_written_are_written_later(
    settings: Settings, database_url: str, seal_dir: Path
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT easeboard.erase_person(%s, FALSE)", [ADA])
    async with bootstrap(settings) as process:
        await process.erasure.keep_tombstones()
    assert TombstoneFiles(seal_dir).people() == {ADA}
