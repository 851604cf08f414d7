import json
import re
from pathlib import Path

import pytest

from interfaces.http.schemas.admin_status import AdminStatus
from tests.interfaces.cli.run_cli import run_easeboard
from tests.interfaces.http.document_members import has_same_members
from tests.interfaces.queries.admin.failing_installation import FailingInstallation
from tests.projections.conftest import project_events

WIDTH = 80


def test_findings_are_printed_worst_first_in_80_columns(home: Path, database_url: str) -> None:
    FailingInstallation().write(database_url)
    result = run_easeboard(home, "status", DATABASE_URL=database_url)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= WIDTH
    labels = [line.partition(":")[0] for line in lines if re.match("[A-Z]+: ", line)]
    assert labels == sorted(labels, key=["CRITICAL", "WARNING", "NOTICE"].index)
    assert len(labels) == 12
    text = " ".join(result.stdout.split())
    assert "No live process has the role scheduler." in text
    assert "Do: Start one with `easeboard serve --roles scheduler`." in text
    assert "The Canvas host other.instructure.com does not respond: 7 syncs failed" in text
    assert "See: docs/operations.md, “A Canvas host does not answer”" in text
    assert "for 2 h" in text
    assert "Connections 9 open; 2 fail, 1 fails in part, 1 waits for a new token" in text
    assert (
        "Canvas hosts 2 without a response to the last sync; scheduled syncs wait at 1, 0 are"
        " tried again"
    ) in text
    assert "Queue 1 waits, the oldest for " in text
    assert "Ada" not in text


def test_the_document_is_that_of_the_route(home: Path, database_url: str) -> None:
    FailingInstallation().write(database_url)
    result = run_easeboard(home, "status", "--json", DATABASE_URL=database_url)
    assert result.returncode == 0, result.stderr
    assert has_same_members(AdminStatus, json.loads(result.stdout))


def test_a_healthy_installation_that_is_stopped_and_one_without_a_schema(
    home: Path, database_url: str, empty_database_url: str
) -> None:
    project_events(database_url, [])
    stopped = run_easeboard(home, "status", DATABASE_URL=database_url)
    assert stopped.returncode == 0, stopped.stderr
    assert "No process of easeboard is running." in stopped.stdout
    missing = run_easeboard(home, "status", DATABASE_URL=empty_database_url)
    assert missing.returncode == 1
    assert "easeboard migrate" in missing.stderr


@pytest.mark.parametrize(
    "command",
    ["status", "status --json", "projections list", "syncing", "keys rotate", "audit verify"],
)
def test_without_a_database_none_is_created(empty_home: Path, command: str) -> None:
    missing = empty_home / "missing"
    result = run_easeboard(empty_home, *command.split(), EASEBOARD_HOME=str(missing))
    assert (result.returncode, result.stdout) == (1, "")
    assert "There is no database in" in result.stderr
    assert "easeboard serve creates it" in result.stderr
    assert list(empty_home.iterdir()) == []


def test_the_interval_of_the_settings_decides_what_is_expected(
    home: Path, database_url: str
) -> None:
    FailingInstallation().write(database_url)
    counts = {}
    for minutes in (120, 720):
        variables = {"DATABASE_URL": database_url, "SYNC_INTERVAL_MINUTES": str(minutes)}
        result = run_easeboard(home, "status", "--json", **variables)
        counts[minutes] = json.loads(result.stdout)["due_next_24h"]["expected_syncs"]
    assert counts[120] > counts[720] > 0
