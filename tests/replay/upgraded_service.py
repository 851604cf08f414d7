"""The present program on the database of an earlier release."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg

from application.ports import CanvasAccount, CanvasUser
from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas_sandbox import Sandbox
from infrastructure.projection_engine.versions import live_versions
from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.wait_for_projections import wait_until
from tests.replay.differences import Difference, find_differences
from tests.replay.documents import opened_connections, read_documents
from tests.replay.release_files import Release


@asynccontextmanager
async def running_upgrade(
    url: str, release: Release, *, private_host: str = ""
) -> AsyncIterator[Process]:
    """Open the program on a migrated database of a release, with a projection daemon."""
    settings = read_settings(
        _env_file=None,
        database_url=url,
        canvas_encryption_key=release.master_key,
        canvas_allow_private=private_host,
        sync_interval_minutes=release.sync_interval_minutes,
    )
    async with bootstrap(settings) as process:
        with process.projection_daemon:
            yield process


async def wait_for_read_models(process: Process) -> None:
    """Wait until the present version of every read model has applied all events."""
    await asyncio.to_thread(wait_until, lambda: _is_up_to_date(process.database_url), 60)


def _is_up_to_date(url: str) -> bool:
    with psycopg.connect(url) as connection:
        ((head,),) = connection.execute("SELECT max(position) FROM easeboard.events").fetchall()
        live = live_versions(connection, READ_MODELS)
    return len(live) == len(READ_MODELS) and all(status.position >= head for status in live)


async def find_all_differences(process: Process, release: Release) -> list[Difference]:
    """Return the differences between the documents of the release and the present ones.

    The place of a difference begins with the name of the person.
    """
    differences = []
    for name, person in release.people.items():
        connections = connections_of(process, person)
        now = await read_documents(process.service, person, connections, release.times)
        differences += [
            difference._replace(place=f"{name}/{difference.place}")
            for difference in find_differences(release.documents[name], now)
        ]
    return differences


def connections_of(process: Process, person: UUID) -> list[UUID]:
    """Return the connections that a person ever opened."""
    opened = opened_connections(process.database_url)
    return [id_ for id_, owner in opened.items() if owner == person]


class SandboxCanvas:
    """Reads the first student of a sandbox, whatever Canvas a connection belongs to.

    Implements `application.ports.Canvas`. The sandbox of a recording no longer exists.
    """

    def __init__(self, client: CanvasClient, sandbox: Sandbox) -> None:
        self._client = client
        self._sandbox = sandbox
        self._token = sandbox.tokens[0]["token"]

    def allowed_origin(self, url: str) -> str:
        return self._client.allowed_origin(url)

    async def fetch_user(self, origin: str, token: str) -> CanvasUser:
        assert origin
        assert token
        return await self._client.fetch_user(self._sandbox.url, self._token)

    @asynccontextmanager
    async def open_account(
        self,
        origin: str,
        token: str,
        *,
        user_id: str | None = None,
        host_degraded: bool = False,
    ) -> AsyncIterator[CanvasAccount]:
        assert origin
        assert token
        async with self._client.open_account(
            self._sandbox.url, self._token, user_id=user_id, host_degraded=host_degraded
        ) as account:
            yield account
