"""Documents, dashboard and alerts use existing metrics, headings and commands."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infrastructure.metrics.exposition import metric_families, names_of_family, sample_names

DOCS = Path(__file__).parents[3] / "docs"
OPERATIONS = (DOCS / "operations.md").read_text("utf-8")
METRIC_PATTERN = re.compile(r"\beaseboard_[a-z_]+\b")
NOT_LOG_EVENTS = {
    "last_synced_at",
    "request_id",
    "trace_id",
    "max_connections",
    "pg_dump",
    "projections_paused",
    "pg_upgrade",
    "default_pool_size",
    "default_transaction_read_only",
}
SOURCE_FOLDERS = ("application", "infrastructure", "interfaces", "projections")
BRACKET_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))


def heading_anchors(text: str) -> set[str]:
    """Return the headings of a document in the form that links use."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dashboard_queries(dashboard: Any) -> Iterator[str]:
    """Yield every query of a dashboard."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


def alert_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DOCS / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


async def test_the_table_of_metrics_is_complete_and_in_order() -> None:
    process_metrics, database_metrics = await metric_families()
    expected = [(each, "") for each in process_metrics] + [(each, "*") for each in database_metrics]
    _, _, table = OPERATIONS.partition("| metric | meaning |\n| --- | --- |\n")
    rows = [
        f"| `{next(names_of_family(family))}`{mark} | {family.documentation} |"
        for family, mark in expected
    ]
    rows = [row.replace("_bucket`", "`") for row in rows]
    assert table.splitlines() == rows, "\n" + "\n".join(rows)


def test_every_log_event_named_in_the_runbook_is_logged() -> None:
    names = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", OPERATIONS))
    events = {each for each in names if not METRIC_PATTERN.fullmatch(each)} - NOT_LOG_EVENTS
    assert events
    sources = [path for each in SOURCE_FOLDERS for path in (DOCS.parent / each).rglob("*.py")]
    code = "".join(path.read_text("utf-8") for path in sources)
    is_logged = {event: re.search(rf'\(\s*"{event}"', code) for event in sorted(events)}
    assert [event for event, found in is_logged.items() if not found] == []


async def test_the_dashboard_uses_existing_metrics() -> None:
    dashboard = json.loads((DOCS / "grafana.json").read_text("utf-8"))
    used = {
        name for query in dashboard_queries(dashboard) for name in METRIC_PATTERN.findall(query)
    }
    assert used
    assert used <= await sample_names()
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


async def test_alerts_use_existing_metrics_and_link_to_the_runbook() -> None:
    existing, headings = await sample_names(), heading_anchors(OPERATIONS)
    assert alert_rules()
    for rule in alert_rules():
        assert set(METRIC_PATTERN.findall(rule["expr"])) <= existing, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        document, _, heading = rule["annotations"]["runbook"].partition("#")
        assert (document, heading in headings) == ("docs/operations.md", True), rule["alert"]


def test_alerts_have_every_field_prometheus_needs() -> None:
    alert_names = [rule["alert"] for rule in alert_rules()]
    assert len(set(alert_names)) == len(alert_names)
    for rule in alert_rules():
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert all(
            rule["expr"].count(opening) == rule["expr"].count(closing)
            for opening, closing in BRACKET_PAIRS
        )


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"easeboard (?:projections )?[a-z]+(?:-[a-z]+)*", OPERATIONS)))
)
@pytest.mark.process
def test_every_command_of_the_runbook_exists(command: str) -> None:
    words = command.split()[1:]
    completed = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "interfaces.cli", *words, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
