"""The status report for admins and for `easeboard status`: what is wrong, worst first."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString

import orjson
from psycopg.errors import UndefinedColumn, UndefinedTable
from psycopg.rows import class_row, dict_row

from domain.errors import CanvasTokenRejected
from infrastructure.event_store.lost_events import describe_losses
from infrastructure.postgres.pools import ReadPool
from infrastructure.projection_engine.snapshot_reads import read_models
from infrastructure.projection_engine.status import projection_status
from infrastructure.queue.process_list import ProcessStatus, list_processes
from infrastructure.queue.role_health import ROLES
from infrastructure.queue.syncing_switch import SyncingState, SyncingSwitch
from infrastructure.seals.seal_lag import SealLag, read_seal_lag
from infrastructure.seals.witness_client.witness_status import (
    WitnessProblems,
    count_witness_problems,
)
from interfaces.queries.admin.active_runs import active_runs
from interfaces.queries.admin.canvas_hosts import host_document
from interfaces.queries.admin.scheduled_hours import HourCount, ScheduledHours
from interfaces.queries.admin.service_findings import (
    MAX_LAG_SECONDS,
    is_in_step,
    log_findings,
    outdated_findings,
    process_findings,
    read_model_findings,
    seal_findings,
    syncing_findings,
)
from interfaces.queries.admin.status_findings import StatusFinding, worst_first
from interfaces.queries.admin.sync_findings import (
    FailureGroup,
    connection_findings,
    host_findings,
    overdue_findings,
    run_findings,
)

EXAMINED = 100
"""Hosts with failures and runs of each status that are examined, the oldest first."""

SELECT_SILENT_HOSTS: LiteralString = """
SELECT origin, failures, openings, open_until, is_probed, failing_since, failed_at,
       0 AS healthy_connections, NULL AS codes, 0 AS queued, 0 AS running
  FROM easeboard.canvas_hosts
 WHERE failures > 0
 ORDER BY open_until IS NULL, failing_since
 LIMIT %s
"""
COUNT_FAILURES: LiteralString = """
SELECT code, is_partial, connections, since, worst.origin AS worst_origin,
       (
           SELECT document FROM read.syncs WHERE sync_id = worst.failed_sync_id LIMIT 1
       ) AS worst_run
  FROM (
           SELECT error_code AS code, partial AS is_partial, count(*) AS connections,
                  min(failing_since) AS since
             FROM read.sync_standings
            WHERE failed_runs > 0
            GROUP BY error_code, partial
       ) AS counted
 CROSS JOIN LATERAL (
           SELECT origin, failed_sync_id
             FROM read.sync_standings
            WHERE failed_runs > 0
              AND error_code = code
              AND partial = is_partial
            ORDER BY -failed_runs, failing_since, connection_id
            LIMIT 1
       ) AS worst
 ORDER BY connections DESC
"""
COUNT_HEALTHY: LiteralString = "SELECT count(*) FROM read.sync_standings WHERE failed_runs = 0"
COUNT_RUNS: LiteralString = """
SELECT count(*) FILTER (WHERE status = 'queued') AS queued,
       count(*) FILTER (WHERE status = 'running') AS running,
       (
           SELECT standing.rested_at
             FROM (
                      SELECT connection_id
                        FROM read.syncs
                       WHERE status = 'queued'
                       ORDER BY requested
                       LIMIT 1
                  ) AS oldest
             JOIN read.sync_standings AS standing USING (connection_id)
       ) AS oldest_requested_at
  FROM read.syncs
 WHERE status IN ('queued', 'running')
"""


@dataclass(slots=True)
class Examination:
    """Everything that one report is made from."""

    at: datetime
    syncing: SyncingState
    losses: str
    processes: list[ProcessStatus]
    models: list[dict[str, Any]]
    seals: SealLag
    witnesses: WitnessProblems
    is_outdated: bool = False
    """Whether the read models are of an older release, so that syncs cannot be examined."""
    hosts: list[dict[str, Any]] = field(default_factory=list)
    groups: list[FailureGroup] = field(default_factory=list)
    healthy: int = 0
    queue: dict[str, Any] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    hours: Mapping[tuple[datetime, str], HourCount] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Examines the installation; `interval` is the time between two syncs."""

    pool: ReadPool
    schedule: ScheduledHours

    async def report(self) -> dict[str, Any]:
        """Return the document of `GET /api/v1/admin/status`."""
        examined = await self._examine()
        findings = worst_first(_findings_of(examined))
        return {
            "at": examined.at,
            "syncing": examined.syncing,
            "findings": [each.document() for each in findings],
            **_counts_of(examined),
        }

    async def _examine(self) -> Examination:
        examined = Examination(
            datetime.now(UTC),
            await SyncingSwitch(self.pool).state(),
            await describe_losses(self.pool),
            await list_processes(self.pool),
            await projection_status(self.pool),
            await read_seal_lag(self.pool),
            await count_witness_problems(self.pool),
        )
        if {"connections", "sync_log"} <= {each["name"] for each in examined.models}:
            try:
                await self._examine_syncs(examined)
            except (UndefinedColumn, UndefinedTable):
                examined.is_outdated = True
        return examined

    async def _examine_syncs(self, examined: Examination) -> None:
        async with self.pool.connection() as connection:
            hosts = connection.cursor(row_factory=dict_row)
            await hosts.execute(SELECT_SILENT_HOSTS, [EXAMINED])
            examined.hosts = [host_document(row, examined.at) async for row in hosts]
            groups = connection.cursor(row_factory=class_row(FailureGroup))
            examined.groups = await (await groups.execute(COUNT_FAILURES)).fetchall()
            [healthy] = await (await connection.execute(COUNT_HEALTHY)).fetchone() or [0]
            examined.healthy = healthy
            queue = connection.cursor(row_factory=dict_row)
            examined.queue = await (await queue.execute(COUNT_RUNS)).fetchone() or {}
        pages, _ = await read_models(
            self.pool,
            active_runs(status="running", limit=EXAMINED),
            active_runs(status="queued", limit=EXAMINED),
        )
        examined.runs = [orjson.loads(item) for page in pages for item in page.items]
        examined.hours = await self.schedule.hours()


def _findings_of(examined: Examination) -> list[StatusFinding]:
    is_silent = any(each["circuit"] != "closed" for each in examined.hosts)
    oldest, queued = (examined.queue.get(name) for name in ("oldest_requested_at", "queued"))
    findings = [
        *syncing_findings(examined.syncing),
        *log_findings(examined.losses),
        *seal_findings(examined.seals, examined.witnesses, examined.at),
        *outdated_findings(is_outdated=examined.is_outdated),
        *process_findings(examined.processes),
        *read_model_findings(examined.models, examined.processes),
        *host_findings(examined.hosts, examined.at),
        *connection_findings(examined.groups, has_silent_host=is_silent),
        *run_findings(examined.runs, oldest, queued or 0, examined.at),
    ]
    if examined.syncing == "on":
        findings += overdue_findings(examined.hours.values(), examined.at)
    return findings


def _counts_of(examined: Examination) -> dict[str, Any]:
    hours = examined.hours.values()
    circuits = [each["circuit"] for each in examined.hosts]
    live = [each for each in examined.processes if each.is_alive]
    states = [each["state"] for each in examined.models]
    return {
        "connections": _connection_counts(examined),
        "hosts": {
            "failing": len(circuits),
            "open": circuits.count("open"),
            "half_open": circuits.count("half_open"),
        },
        "queue": {
            "queued": examined.queue.get("queued", 0),
            "running": examined.queue.get("running", 0),
            "oldest_requested_at": examined.queue.get("oldest_requested_at"),
        },
        "processes": {role: sum(role in each.roles for each in live) for role in ROLES},
        "read_models": {
            "total": len(examined.models),
            "in_step": sum(is_in_step(each) for each in examined.models),
            "behind": sum(each["lag_seconds"] > MAX_LAG_SECONDS for each in examined.models),
            "failing": states.count("failing"),
            "paused": states.count("paused"),
            "dead_letters": sum(each["dead_letters"] for each in examined.models),
        },
        "due_next_24h": {
            "connections": sum(each.due for each in hours),
            "overdue": sum(each.overdue for each in hours),
            "expected_syncs": sum(each.expected_syncs for each in hours),
            "by_hour": _by_hour(examined.hours),
        },
    }


def _by_hour(hours: Mapping[tuple[datetime, str], HourCount]) -> list[dict[str, Any]]:
    """Return what is due at all hosts together, by hour."""
    due, expected = Counter[datetime](), Counter[datetime]()
    for (hour, _), count in hours.items():
        due[hour] += count.due
        expected[hour] += count.expected_syncs
    return [
        {"hour": hour, "due": due[hour], "expected_syncs": expected[hour]}
        for hour in sorted(expected)
    ]


def _connection_counts(examined: Examination) -> dict[str, int]:
    rejected = [each for each in examined.groups if each.code == CanvasTokenRejected.code]
    partial = [each for each in examined.groups if each.is_partial and each not in rejected]
    failing = [each for each in examined.groups if each not in [*rejected, *partial]]
    return {
        "open": examined.healthy + sum(each.connections for each in examined.groups),
        "failing": sum(each.connections for each in failing),
        "partial": sum(each.connections for each in partial),
        "token_rejected": sum(each.connections for each in rejected),
    }
