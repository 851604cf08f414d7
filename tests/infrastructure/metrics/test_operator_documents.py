"""Documents, dashboard and alerts speak of metrics, headings and commands there are."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infrastructure.metrics.exposition import families, names, samples

DOCS = Path(__file__).parents[3] / "docs"
OPERATIONS = (DOCS / "operations.md").read_text("utf-8")
METRIC = re.compile(r"\beaseboard_[a-z_]+\b")
NO_EVENTS = {"request_id", "trace_id", "max_connections"}
OURS = ("application", "infrastructure", "interfaces", "projections")
PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))


def anchors(text: str) -> set[str]:
    """The headings of a document as its links name them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def expressions(dashboard: Any) -> Iterator[str]:
    """Every query of a dashboard."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DOCS / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


async def test_the_table_of_metrics_is_complete_and_in_order() -> None:
    own, asked = await families()
    expected = [(each, "") for each in own] + [(each, "*") for each in asked]
    _, _, table = OPERATIONS.partition("| metric | tells |\n| --- | --- |\n")
    rows = [
        f"| `{next(names(family))}`{mark} | {family.documentation} |" for family, mark in expected
    ]
    rows = [row.replace("_bucket`", "`") for row in rows]
    assert table.splitlines() == rows, "\n" + "\n".join(rows)


def test_what_the_runbook_looks_for_in_the_log_is_logged() -> None:
    told = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", OPERATIONS))
    events = {each for each in told if not METRIC.fullmatch(each)} - NO_EVENTS
    assert events
    sources = [path for each in OURS for path in (DOCS.parent / each).rglob("*.py")]
    code = "".join(path.read_text("utf-8") for path in sources)
    assert [event for event in sorted(events) if f'("{event}"' not in code] == []


async def test_the_dashboard_asks_for_what_there_is() -> None:
    dashboard = json.loads((DOCS / "grafana.json").read_text("utf-8"))
    asked = {name for query in expressions(dashboard) for name in METRIC.findall(query)}
    assert asked
    assert asked <= await samples()
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


async def test_alerts_ask_for_what_there_is_and_lead_to_the_runbook() -> None:
    known, headings = await samples(), anchors(OPERATIONS)
    assert rules()
    for rule in rules():
        assert set(METRIC.findall(rule["expr"])) <= known, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        document, _, heading = rule["annotations"]["runbook"].partition("#")
        assert (document, heading in headings) == ("docs/operations.md", True), rule["alert"]


def test_alerts_have_all_that_prometheus_needs() -> None:
    names_of_rules = [rule["alert"] for rule in rules()]
    assert len(set(names_of_rules)) == len(names_of_rules)
    for rule in rules():
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert all(rule["expr"].count(one) == rule["expr"].count(other) for one, other in PAIRS)


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"easeboard (?:projections )?[a-z]+", OPERATIONS)))
)
def test_every_command_of_the_runbook_exists(command: str) -> None:
    words = command.split()[1:]
    asked = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "interfaces.cli", *words, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
