"""`easeboard audit history`, `view` and `diff` print what happened in sentences for people."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.canvas_builders import assignment, course, submission
from tests.interfaces.cli.run_cli import run_easeboard
from tests.interfaces.queries.past_views.viewed_history import MASTER_KEY, process_with
from tests.projections.event_builders import EventLogBuilder, StudentAccount

PURPOSE = ("--purpose", "complaint 4711")
LONG_NAME = "Einführung in die Differential- und Integralrechnung für Ingenieure 微分積分学 " * 3
LAST_COLUMN = 80


def graded(score: float) -> Any:
    work = submission(score=score, grade=f"{score:g}")
    return assignment("1", name="Essay\u202e 1", points_possible=10.0, submission=work)


@pytest.fixture
def account(database_url: str) -> StudentAccount:
    """A student whose first run reads two courses, and whose second finds another grade."""
    account = StudentAccount(EventLogBuilder()).open()
    biology, long = course("11", name="Biology 101"), course("12", name=LONG_NAME)
    account.run((biology, [graded(8.0)]), (long, [assignment("2", submission=None)]))
    account.run((biology, [graded(9.5)]), (long, [assignment("2", submission=None)]))

    async def write() -> None:
        async with process_with(database_url, account.log.events):
            pass

    asyncio.run(write())
    return account


@pytest.fixture
def variables(database_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "CANVAS_ENCRYPTION_KEY": MASTER_KEY}


def printed(home: Path, variables: dict[str, str], *command: str) -> str:
    result = run_easeboard(home, "audit", *command, *PURPOSE, **variables)
    assert result.returncode == 0, result.stderr
    return result.stdout


def as_one_line(text: str) -> str:
    return " ".join(text.split())


def assert_fits(text: str) -> None:
    assert max(map(cell_len, text.splitlines())) <= LAST_COLUMN
    assert "\u202e" not in text


def test_a_history_is_one_sentence_an_event_with_the_first_reading_folded(
    empty_home: Path, variables: dict[str, str], account: StudentAccount
) -> None:
    text = printed(empty_home, variables, "history", str(account.id))
    assert_fits(text)
    sentences = as_one_line(text)
    events = account.log.events
    assert "First reading: 2 courses, 2 assignments, 1 grade and 2 course totals" in sentences
    assert (
        "Grade of “Essay\\u202e 1” in “Biology 101” changed from 8 to 9.5 of 10."
        f" [sync {str(account.run_id)[:8]}]" in sentences
    )
    assert text.splitlines()[0].startswith("      1  2026-09-01 12:00:01  The account of “Ada”")
    every = printed(empty_home, variables, "history", str(account.id), "--all")
    assert_fits(every)
    assert "First reading" not in every
    heads = [line[:7].strip() for line in every.splitlines() if line[:7].strip()]
    assert heads[: len(events)] == [str(each.position) for each in events]
    newest = printed(empty_home, variables, "history", str(account.id), "--sort=-position")
    oldest_first = [line[:7] for line in newest.splitlines() if line[:7].strip()]
    assert oldest_first == sorted(oldest_first, reverse=True)
    document = printed(empty_home, variables, "history", str(account.id), "--json")
    items = json.loads(document)["items"]
    assert [item["position"] for item in items][: len(events)] == [e.position for e in events]
    assert all(item["sentence"] for item in items)


def test_a_view_shows_what_the_student_saw(
    empty_home: Path, variables: dict[str, str], account: StudentAccount
) -> None:
    first_run = next(
        each for each in account.log.events if type(each.event).__name__ == "SyncCompleted"
    )
    command = ("view", str(account.id), "--as-of", first_run.recorded_at.isoformat())
    text = printed(empty_home, variables, *command)
    assert_fits(text)
    assert "2 of 2 courses active" in text
    assert "“Essay\\u202e 1”: due 2026-09-11 05:59:59 UTC, graded, 8 of 10" in as_one_line(text)
    document = json.loads(printed(empty_home, variables, *command, "--json"))
    assert [each["name"] for each in document["courses"]] == ["Biology 101", LONG_NAME]
    assert {each["name"]: each["status"] for each in document["assignments"]} == {
        "Essay\u202e 1": "graded",
        "Problem set 1": "upcoming",
    }
    history = ("history", str(account.id), "--json", "--type", "HistoryRead")
    read = json.loads(printed(empty_home, variables, *history))["items"][0]
    assert read["payload"]["purpose"] == "complaint 4711"
    assert read["payload"]["what"].startswith("view as_of=2026-09-01T12:00:")


def test_a_diff_is_one_sentence_a_change(
    empty_home: Path, variables: dict[str, str], account: StudentAccount
) -> None:
    events = account.log.events
    first_run = next(each for each in events if type(each.event).__name__ == "SyncCompleted")
    command = ("diff", str(account.id), "--from", first_run.recorded_at.isoformat())
    text = printed(empty_home, variables, *command)
    assert_fits(text)
    assert "Grade of “Essay\\u202e 1” in “Biology 101” changed from 8 to 9.5 of 10." in as_one_line(
        text
    )
    items = json.loads(printed(empty_home, variables, *command, "--json"))["items"]
    assert [item["kind"] for item in items] == ["grade_changed"]
    same = printed(empty_home, variables, *command, "--to", first_run.recorded_at.isoformat())
    assert "Nothing changed." in same


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("view", "{id}"), "--as-of"),
        (("view", "{id}", "--as-of", "tomorrow"), "is not a time of RFC 3339"),
        (("diff", "{id}", "--from", "2026-09-02", "--to", "2026-09-01"), "later than the second"),
    ],
)
def test_wrong_options_are_a_usage_error(
    empty_home: Path, options: tuple[str, ...], reason: str
) -> None:
    id_ = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    arguments = [option.replace("{id}", id_) for option in options]
    result = run_easeboard(empty_home, "audit", *arguments, *PURPOSE, **_no_database())
    assert result.returncode == 2
    assert reason in result.stderr


def test_a_connection_that_never_was_is_a_failure(
    empty_home: Path, variables: dict[str, str]
) -> None:
    id_ = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    command = ["audit", "view", id_, "--as-of", "2026-09-01", *PURPOSE]
    result = run_easeboard(empty_home, *command, **variables)
    assert result.returncode == 1
    assert f"There is no connection {id_}" in result.stderr


def _no_database() -> dict[str, str]:
    return {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
