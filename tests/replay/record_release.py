"""Records the database and the answers of a release, for the replay by later ones.

Run it once for each release, with the code of the release, and commit the folder that it writes:
`python -m tests.replay.record_release 0.1.0-2026-11-26`. The name is that of the release and its
date. An older release is recorded in the same way: copy `tests/replay` into its checkout.
"""

import argparse
import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import domain
from domain.event import EVENT_TYPES
from infrastructure.all_migrations import apply_migrations
from infrastructure.observability.logging import configure_logging
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.settings.settings import Settings, read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from projections.registry import READ_MODELS
from tests.replay.documents import opened_connections, read_documents
from tests.replay.release_files import RELEASES, Documents, Release, write_release
from tests.replay.scenario import PEOPLE, Schools, play, running_schools
from tests.replay.stored_rows import read_database

MASTER_KEY = "hex:" + "0123456789abcdef" * 4
CATCH_UP_SECONDS = 60
LATER = timedelta(days=14)


class RecordingIncomplete(Exception):
    """The scenario does not record all that the program can; the message names what is missing."""


def record_release(name: str) -> Path:
    """Play the scenario with the present code and write what it leaves; return the folder.

    Raises: RecordingIncomplete if an event type is missing; FileExistsError if the folder exists.
    """
    _require_code_beside_this_file()
    with _temporary_database() as url:
        release = asyncio.run(_record(name, url))
    _require_complete(release)
    write_release(release, RELEASES / name)
    return RELEASES / name


@contextmanager
def _temporary_database() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="easeboard-recording-"))
    try:
        with EmbeddedPostgres(home, settings={"fsync": "off"}) as server:
            apply_migrations(server.url)
            yield server.url
    finally:
        shutil.rmtree(home)


async def _record(name: str, url: str) -> Release:
    async with running_schools() as schools:
        settings = _settings(url, schools)
        async with bootstrap(settings) as process:
            with process.projection_daemon:
                await play(process, schools)
                await _catch_up(process)
            now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
            times = [now, now + LATER]
            return Release(
                name=name,
                master_key=MASTER_KEY,
                sync_interval_minutes=settings.sync_interval_minutes,
                people=PEOPLE,
                times=times,
                database=read_database(url, READ_MODELS),
                documents=await _read_all_documents(process, times),
            )


def _settings(url: str, schools: Schools) -> Settings:
    return read_settings(
        _env_file=None,
        database_url=url,
        canvas_encryption_key=MASTER_KEY,
        canvas_allow_private=",".join(school.url.removeprefix("http://") for school in schools),
    )


async def _catch_up(process: Process) -> None:
    head = await asyncio.to_thread(process.log_reader.high_water_mark)
    names = [model.name for model in READ_MODELS]
    if not await process.checkpoint_waiter.wait_for(head, names, CATCH_UP_SECONDS):
        raise RecordingIncomplete(f"The read models have not reached position {head}.")


async def _read_all_documents(process: Process, times: list[datetime]) -> dict[str, Documents]:
    opened = opened_connections(process.database_url)
    return {
        name: await read_documents(
            process.service,
            person,
            [id_ for id_, owner in opened.items() if owner == person],
            times,
        )
        for name, person in PEOPLE.items()
    }


def _require_code_beside_this_file() -> None:
    """In a checkout of an older release, the installed code is that of another checkout."""
    root = Path(domain.__path__[0]).parent
    if root != Path(__file__).parents[2]:
        raise RecordingIncomplete(f"The code in {root} is imported: run this in its checkout.")


def _require_complete(release: Release) -> None:
    recorded = {row["topic"] for row in release.rows_of("events")}
    if missing := EVENT_TYPES.keys() - recorded:
        raise RecordingIncomplete(
            f"No {', '.join(sorted(missing))} was recorded: extend tests/replay/scenario.py."
        )
    if not release.rows_of("snapshots"):
        raise RecordingIncomplete("No snapshot was saved: the scenario needs more events.")


def main() -> None:
    """Record the release that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="version and date of the release, as 0.1.0-2026-11-26")
    configure_logging("error")
    print(f"Recorded in {record_release(parser.parse_args().name)}")  # noqa: T201  # a command


if __name__ == "__main__":
    main()
