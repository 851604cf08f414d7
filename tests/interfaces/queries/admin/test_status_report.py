"""The status report: what is wrong, worst first, with an action and a paragraph that exists."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin.scheduled_hours import ScheduledHours
from interfaces.queries.admin.status_findings import SEVERITIES, TITLES
from interfaces.queries.admin.status_report import StatusReport
from tests.interfaces.queries.admin.failing_installation import (
    INTERVAL,
    FailingInstallation,
    account_at,
    fail_in_part,
)
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

PAUSE_GRADES = """
UPDATE easeboard.projections SET paused_at = now() WHERE name = 'grades' AND role = 'live';
"""
LATE_EVENT = """
INSERT INTO easeboard.events (
    stream, version, topic, recorded_at, actor, command_id, person_id, state
)
VALUES (gen_random_uuid(), 1, 'ConnectionClosed', clock_timestamp() - INTERVAL '80 s', 'ada',
        gen_random_uuid(), gen_random_uuid(), '')
"""
"""An event that no read model has applied for 80 seconds."""
OTHER_HOST = "other.instructure.com"


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


async def test_a_host_whose_circuit_is_closed_is_not_reported_as_silent(
    database_url: str, pool: ReadPool
) -> None:
    FailingInstallation().write(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE easeboard.canvas_hosts SET failures = 4 WHERE failures = 1")
    report = await _report(pool)
    reasons = {
        each["subject"]: each["reason"]
        for each in report["findings"]
        if each["kind"] == "host-unreachable"
    }
    assert reasons["silent.instructure.com"] == (
        "The last 4 syncs at silent.instructure.com failed without a response; the next one tries"
        " it again."
    )
    assert "does not respond: 7 syncs failed" in reasons["other.instructure.com"]
    assert report["hosts"]["failing"] == len(reasons)


async def test_a_host_that_is_being_tried_has_no_time_in_the_past(
    database_url: str, pool: ReadPool
) -> None:
    FailingInstallation().write(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE easeboard.canvas_hosts SET open_until = now() WHERE failures > 1"
        )
    report = await _report(pool)
    [reason] = [each["reason"] for each in report["findings"] if each["subject"] == OTHER_HOST]
    assert reason.endswith("; one sync tries whether it responds again.")
    assert report["hosts"] == {"failing": 2, "open": 0, "half_open": 1}


async def test_courses_that_fail_have_their_reason_and_an_advice_about_them(
    database_url: str, pool: ReadPool
) -> None:
    installation = FailingInstallation()
    fail_in_part(account_at(installation.log, "error 500").run(), "canvas-unreachable")
    installation.write(database_url)
    report = await _report(pool)
    [finding] = [
        each
        for each in report["findings"]
        if (each["kind"], each["subject"]) == ("courses-failing", "canvas-unreachable")
    ]
    assert finding["reason"] == (
        "Some courses of 1 connection cannot be read (canvas-unreachable) at"
        " school.instructure.com: 1 of 2 courses, the first because: One."
    )
    assert "The host responds" in finding["action"]
    assert finding["runbook_title"] == "Some courses cannot be read"


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
    assert report["hosts"] == {"failing": 2, "open": 1, "half_open": 0}
    assert (report["queue"]["queued"], report["queue"]["running"]) == (1, 2)
    assert report["queue"]["oldest_requested_at"] is not None
    assert report["processes"] == {"api": 1, "worker": 1, "projector": 1, "scheduler": 0}
    assert report["read_models"] == {
        "total": 7,
        "in_step": 7,
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
    assert (report["read_models"]["paused"], report["read_models"]["in_step"]) == (1, 5)


@pytest.mark.parametrize(
    ("behind", "begin"),
    [
        ("", r"The read model grades is paused\. "),
        (LATE_EVENT, r"The read model grades is paused and 1 min \d+ s behind the event log\. "),
    ],
)
async def test_a_paused_read_model_has_its_lag_and_its_effect(
    database_url: str, pool: ReadPool, behind: str, begin: str
) -> None:
    FailingInstallation().write(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(PAUSE_GRADES + behind)
    reason = _by_kind(await _report(pool))["read-model-paused"]["reason"]
    assert re.match(begin, reason)
    assert "together with another read model are refused" in reason


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
