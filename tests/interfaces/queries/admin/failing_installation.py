"""Writes an installation in which things are wrong: read models, circuits, jobs and heartbeats."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg

from domain.recorded_event import RecordedEvent
from tests.canvas_builders import course
from tests.projections.conftest import project_events
from tests.projections.event_builders import (
    NAMESPACE,
    REQUEST_COUNTS,
    EventLogBuilder,
    StudentAccount,
)

SCHOOL, OTHER, LOOPBACK = (
    "https://school.instructure.com",
    "https://other.instructure.com",
    "http://127.0.0.1:9000",
)
INTERVAL = timedelta(hours=2)
STATE = """
INSERT INTO easeboard.syncing (database) VALUES (easeboard.database_identity());
INSERT INTO easeboard.canvas_hosts (
    origin, failures, openings, open_until, is_probed, failed_at, failing_since
)
VALUES ('https://other.instructure.com', 7, 3, clock_timestamp() + INTERVAL '5 min', FALSE,
        clock_timestamp(), clock_timestamp() - INTERVAL '2 hours'),
       ('https://silent.instructure.com', 1, 0, NULL, FALSE,
        clock_timestamp(), clock_timestamp() - INTERVAL '1 min');
INSERT INTO easeboard.workers (name, heartbeat_at, roles, since)
VALUES ('server-1:41:1700000000', clock_timestamp() + INTERVAL '1 h', '{api,projector,worker}',
        clock_timestamp() - INTERVAL '1 h'),
       ('server-2:42:1700000000', clock_timestamp() - INTERVAL '90 s', '{worker}',
        clock_timestamp() - INTERVAL '2 h');
INSERT INTO easeboard.process_warnings (process, code, detail)
VALUES ('server-1:41:1700000000', 'untrusted_proxy', 'All requests come from 10.0.0.7.');
INSERT INTO easeboard.projection_owners (name, owner, epoch, until)
SELECT name, 'server-1:41:1700000000', 1, clock_timestamp() + INTERVAL '1 h'
  FROM easeboard.projections
 WHERE name <> 'grades'
"""
"""Two hosts do not respond, one worker is silent, no process has the role scheduler.

Heartbeats of the live process are in the future, so that it is alive however slow a test is.
"""
ADD_WORKER = """
INSERT INTO procrastinate.procrastinate_workers (last_heartbeat)
VALUES (clock_timestamp() - make_interval(secs => %s))
RETURNING id
"""
ADD_JOB = """
INSERT INTO procrastinate.procrastinate_jobs (
    queue_name, task_name, lock, queueing_lock, args, status, worker_id
)
VALUES (
    'run_sync', 'run_sync', %(lane)s, %(queueing_lock)s,
    jsonb_build_object('connection_id', %(connection)s::text), %(status)s, %(worker)s
)
"""


def account_at(log: EventLogBuilder, name: str, origin: str = SCHOOL) -> StudentAccount:
    """Return an account of a person of its own, with an open connection."""
    return StudentAccount(log, uuid5(NAMESPACE, name), origin).open()


def fail(account: StudentAccount, code: str, detail: str = "It failed") -> StudentAccount:
    account.request("schedule").start()
    return account.change_sync(
        lambda sync: sync.fail(account.attempt, code, detail, REQUEST_COUNTS)
    )


def fail_in_part(account: StudentAccount, code: str) -> StudentAccount:
    return account.request().start().fail_to_fetch(course("101"), code, "One").complete(failed=1)


def reject_token(account: StudentAccount) -> StudentAccount:
    fail(account, "canvas-token-rejected", "Canvas rejects it")
    return account.change_connection(lambda connection: connection.reject_token("Canvas"))


@dataclass
class FailingInstallation:
    """The accounts by name, and the log that they share."""

    log: EventLogBuilder = field(default_factory=lambda: EventLogBuilder(step=timedelta(minutes=1)))
    accounts: dict[str, StudentAccount] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts["healthy"] = account_at(self.log, "healthy").run()
        self.accounts["new"] = account_at(self.log, "new", OTHER)
        partial = account_at(self.log, "partial").run()
        self.accounts["partial"] = fail_in_part(
            fail_in_part(partial, "canvas-forbidden"), "canvas-forbidden"
        )
        once = fail(account_at(self.log, "once").run(), "canvas-timeout", "No response in 65 s")
        self.accounts["once"] = once
        twice = account_at(self.log, "twice", OTHER).run()
        self.accounts["twice"] = fail(fail(twice, "canvas-timeout"), "canvas-unreachable")
        self.accounts["rejected"] = reject_token(account_at(self.log, "rejected").run())
        self.accounts["queued"] = account_at(self.log, "queued", LOOPBACK).request()
        self.accounts["running"] = account_at(self.log, "running").request("schedule").start()
        self.accounts["stuck"] = account_at(self.log, "stuck").request().start()

    def id_of(self, name: str) -> str:
        """Return the id of a connection, as JSON has it."""
        return str(self.accounts[name].id)

    def name_of(self, item: Mapping[str, Any], member: str = "id") -> str:
        """Return the name of the account whose connection an item of a list is."""
        return next(name for name in self.accounts if self.id_of(name) == item[member])

    def write(self, database_url: str) -> None:
        """Project the log, as if it had ended now, and write what is no event."""
        shift = datetime.now(UTC) - self.log.events[-1].recorded_at
        project_events(database_url, [_later(each, shift) for each in self.log.events])
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(STATE)
            connection.execute("SET search_path = procrastinate")
            live = self._add_worker(connection, -3600)
            silent = self._add_worker(connection, 60)
            self._add_job(connection, "queued", "todo", None)
            self._add_job(connection, "running", "doing", live)
            self._add_job(connection, "stuck", "doing", silent)

    def _add_worker(self, connection: psycopg.Connection[Any], silent_seconds: int) -> int:
        row = connection.execute(ADD_WORKER, [silent_seconds]).fetchone()
        assert row
        return int(row[0])

    def _add_job(
        self, connection: psycopg.Connection[Any], name: str, status: str, worker: int | None
    ) -> None:
        account = self.accounts[name]
        connection.execute(
            ADD_JOB,
            {
                "lane": f"{account.url}/{len(name)}",
                "queueing_lock": f"{account.id}/{account.person}",
                "connection": account.id,
                "status": status,
                "worker": worker,
            },
        )


def _later(recorded: RecordedEvent, shift: timedelta) -> RecordedEvent:
    return recorded._replace(recorded_at=recorded.recorded_at + shift)


def person_of(installation: FailingInstallation, name: str) -> UUID:
    """Return the person of an account."""
    return installation.accounts[name].person
