"""Reads over HTTP of real read models: their tokens, and what they wait for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from domain.log_position import LogPosition
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from interfaces.consistency_token import decode_consistency_token, encode_consistency_token
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from projections.registry import READ_MODELS
from tests.canvas_builders import assignment, course
from tests.deadlines import scaled
from tests.dev_tokens import SECRET, bearer_headers
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.wait_for_projections import wait_until_all_at
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"
COURSES = "/api/v1/canvas/courses"
DATA = "/api/v1/canvas/data"
READS = (
    "/api/v1/canvas/connections",
    COURSES,
    "/api/v1/canvas/assignments",
    "/api/v1/canvas/grades",
    "/api/v1/canvas/grades/history",
    DATA,
    "/api/v1/sync/logs",
    "/api/v1/sync/status",
    "/api/v1/dashboard/stats",
)
SET_POSITION = "UPDATE easeboard.projections SET position = %s WHERE name = %s"
PATIENT = {"Prefer": "wait=10"}


@pytest.fixture
async def process(database_url: str) -> AsyncIterator[Process]:
    """A process without a projector: its read models stay where they are."""
    settings = read_settings(
        _env_file=None, database_url=database_url, canvas_encryption_key=MASTER_KEY
    )
    async with bootstrap(settings) as process:
        yield process


@pytest.fixture
async def client(process: Process) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with the token of PERSON."""
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        app = create_app(process.service, process.settings, authenticator=authenticator)
        transport, headers = httpx2.ASGITransport(app), bearer_headers(PERSON)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://test", headers=headers
        ) as client:
            yield client


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


class GrowingLog:
    """The log of one person, to whom runs with more courses are added."""

    def __init__(self, process: Process, connection: psycopg.Connection[Any]) -> None:
        self._process = process
        self._reader = LogReader(process.pools.write_pool, Mapper(None))
        self._connection = connection
        self._builder, self._stored = EventLogBuilder(), 0
        self._account = StudentAccount(self._builder).open()
        self.head = 0

    def add_run(self, *canvas_ids: str) -> None:
        self._account.run(*((course(id_, name=id_), [assignment(id_)]) for id_ in canvas_ids))
        new = self._builder.events[self._stored :]
        self._stored = len(self._builder.events)
        self.head = LogBuilder(self._connection).append(new)

    def project(self) -> None:
        """Apply all events to all read models."""
        with self.running_projector() as projector:
            projector.wake()
            wait_until_all_at(self._connection, self.head)

    def running_projector(self) -> ProjectionDaemon:
        return ProjectionDaemon(self._process.database_url, self._reader, READ_MODELS)

    def token(self, position: int | None = None) -> str:
        """Return the token of a position, that of the head without one."""
        timeline = self._reader.safe_place().timeline
        return encode_consistency_token(
            LogPosition(timeline, self.head if position is None else position)
        )


@pytest.fixture
def log(process: Process, connection: psycopg.Connection[Any]) -> GrowingLog:
    log = GrowingLog(process, connection)
    log.add_run("1")
    log.project()
    return log


@pytest.mark.parametrize("path", READS)
async def test_the_token_of_a_read_is_the_checkpoint_of_its_read_models(
    client: httpx2.AsyncClient, log: GrowingLog, path: str
) -> None:
    response = await client.get(path)
    assert (response.status_code, response.headers["consistency-token"]) == (200, log.token())
    log.add_run("1", "2")
    behind = await client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert behind.headers["consistency-token"] == response.headers["consistency-token"]
    assert behind.status_code in {200, 304}, "the dashboard depends on the clock"
    log.project()
    headers = {"Consistency-Token": log.token()}
    assert (await client.get(path, headers=headers)).headers["consistency-token"] == log.token()


async def test_a_read_waits_for_a_read_model_that_is_behind(
    client: httpx2.AsyncClient, log: GrowingLog, connection: psycopg.Connection[Any]
) -> None:
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as blocker:
        blocker.execute("SELECT 1 FROM easeboard.projections FOR UPDATE")
        log.add_run("1", "2")
        with log.running_projector() as projector:
            projector.wake()
            headers = {"Consistency-Token": log.token(), **PATIENT}
            waiting = asyncio.create_task(client.get(COURSES, headers=headers))
            await asyncio.sleep(1)
            assert not waiting.done()
            assert len((await client.get(COURSES)).json()["items"]) == 1, "without a token"
            blocker.rollback()
            response = await waiting
    assert [item["name"] for item in response.json()["items"]] == ["1", "2"]
    shown = decode_consistency_token(response.headers["consistency-token"])
    assert shown.position >= log.head


async def test_a_read_ends_after_the_wait(client: httpx2.AsyncClient, log: GrowingLog) -> None:
    log.add_run("1", "2")
    headers = {"Consistency-Token": log.token(), "Prefer": "wait=1"}
    response = await client.get(COURSES, headers=headers)
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/projection-behind"
    assert response.headers["retry-after"] == "1"


async def test_a_composed_document_waits_until_its_read_models_are_at_one_position(
    client: httpx2.AsyncClient, log: GrowingLog, connection: psycopg.Connection[Any]
) -> None:
    connection.execute(SET_POSITION, [log.head - 1, "grades"])
    refused = await client.get(DATA, headers={"Prefer": "wait=1"})
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/projection-behind")
    waiting = asyncio.create_task(client.get(DATA, headers=PATIENT))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    connection.execute(SET_POSITION, [log.head, "grades"])
    response = await waiting
    assert (response.status_code, response.headers["consistency-token"]) == (200, log.token())
    document = response.json()
    assert document["synced_at"] == document["connections"][0]["last_synced_at"]


async def test_no_document_is_torn_while_runs_are_projected(
    client: httpx2.AsyncClient, log: GrowingLog
) -> None:
    ids: list[str] = ["1"]
    with log.running_projector() as projector:
        for number in range(2, 12):
            ids.append(str(number))
            log.add_run(*ids)
            projector.wake()
            for _ in range(5):
                response = await client.get(DATA, headers=PATIENT)
                assert response.status_code == 200
                document = response.json()
                courses = {item["id"] for item in document["courses"]}
                assert {item["course_id"] for item in document["assignments"]} == courses
                assert {item["course_id"] for item in document["grades"]} == courses
                last_synced = {item["last_synced_at"] for item in document["connections"]}
                assert last_synced == {document["synced_at"]}
        headers = {"Consistency-Token": log.token(), **PATIENT}
        async with asyncio.timeout(scaled(10)):
            assert len((await client.get(DATA, headers=headers)).json()["courses"]) == len(ids)


async def test_a_place_that_the_log_never_gave_is_refused(
    client: httpx2.AsyncClient, log: GrowingLog
) -> None:
    foreign = encode_consistency_token(LogPosition(12345, 1))
    for token in (log.token(log.head + 1), foreign, "42", log.token()[:-1]):
        for path in (COURSES, DATA):
            response = await client.get(path, headers={"Consistency-Token": token})
            assert response.status_code == 400, (token, path)
            assert response.json()["type"] == "/problems/bad-consistency-token"


async def test_a_token_of_an_earlier_timeline_is_valid_up_to_its_end(
    client: httpx2.AsyncClient, log: GrowingLog, connection: psycopg.Connection[Any]
) -> None:
    before, lost = log.token(), log.token(log.head + 1)
    known = decode_consistency_token(before).timeline
    connection.execute("SELECT easeboard.begin_timeline(%s)", [known])
    log.add_run("1", "2")
    log.project()
    response = await client.get(COURSES, headers={"Consistency-Token": before})
    assert (response.status_code, response.headers["consistency-token"]) == (200, log.token())
    assert decode_consistency_token(log.token()).timeline != known
    refused = await client.get(COURSES, headers={"Consistency-Token": lost})
    assert refused.status_code == 400
