"""The status report: what is wrong, worst first, with an action and a paragraph that exists."""

import re
from pathlib import Path
from typing import Any

import psycopg

from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin.scheduled_hours import ScheduledHours
from interfaces.queries.admin.status_findings import SEVERITIES, TITLES
from interfaces.queries.admin.status_report import StatusReport
from tests.interfaces.queries.admin.failing_installation import INTERVAL, FailingInstallation
from tests.projections.conftest import project_events

OPERATIONS = Path(__file__).parents[4] / "docs" / "operations.md"
WRONG = """
INSERT INTO easeboard.dead_letters (
    projection, version, id, stream, stream_version, position, topic, person_id, error
)
SELECT 'courses', version, gen_random_uuid(), gen_random_uuid(), 1, 1, 'CourseFetched',
       gen_random_uuid(), 'EventUnreadable'
  FROM easeboard.projections
 WHERE name = 'courses' AND role = 'live';
UPDATE easeboard.projections SET paused_at = now() WHERE name = 'grades' AND role = 'live';
UPDATE easeboard.projections
   SET error = 'DiskFull'
 WHERE name = 'grade_history' AND role = 'live';
UPDATE easeboard.syncing SET database = NULL
"""


async def _report(pool: ReadPool) -> dict[str, Any]:
    return await StatusReport(pool, ScheduledHours(pool, INTERVAL)).report()


def _by_kind(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {finding["kind"]: finding for finding in report["findings"]}


async def test_a_failing_installation_has_its_findings_worst_first(
    database_url: str, pool: ReadPool
) -> None:
    FailingInstallation().write(database_url)
    report = await _report(pool)
    ranks = [SEVERITIES.index(finding["severity"]) for finding in report["findings"]]
    assert ranks == sorted(ranks)
    found = {(each["kind"], each["subject"], each["severity"]) for each in report["findings"]}
    assert found == {
        ("role-missing", "scheduler", "critical"),
        ("host-unreachable", "other.instructure.com", "critical"),
        ("host-unreachable", "silent.instructure.com", "notice"),
        ("process-silent", "server-2:42:1700000000", "warning"),
        ("process-warning", "server-1:41:1700000000", "warning"),
        ("read-model-unowned", "grades", "warning"),
        ("run-stuck", "school.instructure.com", "warning"),
        ("syncs-overdue", None, "warning"),
        ("connections-failing", "canvas-unreachable", "notice"),
        ("connections-failing", "canvas-timeout", "notice"),
        ("courses-failing", "canvas-forbidden", "notice"),
        ("tokens-rejected", "canvas-token-rejected", "notice"),
    }
    by_kind = _by_kind(report)
    assert by_kind["tokens-rejected"]["target"] == (
        "/api/v1/admin/connections?code=canvas-token-rejected"
    )
    assert by_kind["courses-failing"]["since"] is not None


async def test_the_counts_of_the_report(database_url: str, pool: ReadPool) -> None:
    FailingInstallation().write(database_url)
    report = await _report(pool)
    assert report["syncing"] == "on"
    assert report["connections"] == {
        "open": 9,
        "failing": 2,
        "partial": 1,
        "token_rejected": 1,
    }
    assert report["hosts"] == {"open": 1, "half_open": 0}
    assert (report["queue"]["queued"], report["queue"]["running"]) == (1, 2)
    assert report["queue"]["oldest_requested_at"] is not None
    assert report["processes"] == {"api": 1, "worker": 1, "projector": 1, "scheduler": 0}
    assert report["read_models"] == {
        "total": 7,
        "behind": 0,
        "failing": 0,
        "paused": 0,
        "dead_letters": 0,
    }
    assert report["due_next_24h"]["connections"] == 8
    assert report["due_next_24h"]["expected_syncs"] > 60


async def test_read_models_and_the_syncing_switch_are_findings(
    database_url: str, pool: ReadPool
) -> None:
    FailingInstallation().write(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(WRONG)
    report = await _report(pool)
    by_kind = _by_kind(report)
    assert report["syncing"] == "off"
    assert by_kind["syncing-off"]["severity"] == "critical"
    assert by_kind["read-model-failing"]["subject"] == "grade_history"
    assert "DiskFull" in by_kind["read-model-failing"]["reason"]
    assert by_kind["read-model-paused"]["subject"] == "grades"
    assert by_kind["dead-letters"]["count"] == 1
    assert by_kind["dead-letters"]["target"].endswith("/projections/courses/dead-letters")
    assert report["read_models"]["paused"] == 1


async def test_without_a_process_that_is_the_one_finding_about_processes(
    database_url: str, pool: ReadPool
) -> None:
    project_events(database_url, [])
    report = await _report(pool)
    kinds = [finding["kind"] for finding in report["findings"]]
    assert kinds.count("role-missing") == 1
    assert "easeboard serve" in _by_kind(report)["role-missing"]["action"]


async def test_every_finding_leads_to_a_paragraph_that_exists(
    database_url: str, pool: ReadPool
) -> None:
    headings = re.findall(r"^#{2,3} (.+)$", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    assert {*TITLES.values()} <= {*headings}
    FailingInstallation().write(database_url)
    for finding in (await _report(pool))["findings"]:
        assert finding["runbook_title"] in headings
        anchor = finding["runbook_title"].lower().replace(" ", "-")
        assert finding["runbook"] == f"docs/operations.md#{anchor}"
        assert finding["reason"].endswith(".")
        assert finding["action"].endswith(".")
