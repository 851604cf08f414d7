"""Describes live messages in one line of text each."""

from datetime import datetime
from typing import Any

Document = dict[str, Any]


def describe_message(message: Document) -> list[tuple[str, str]]:
    """Return the lines of a live message: each a time (empty for now) and a sentence.

    A message of a kind that this program does not know is described by its type.
    """
    match message.get("type"):
        case "snapshot":
            return _describe_snapshot(message)
        case "sync":
            return [(message["at"], _describe_sync(message["sync"]))]
        case "grade":
            return [(message["change"]["changed_at"], _describe_grade(message["change"]))]
        case other:
            return [("", f"A message of the type {other}; use --json to see it.")]


def _describe_snapshot(message: Document) -> list[tuple[str, str]]:
    missed = [("", "Some messages were missed while there was no connection.")]
    items = [("", _describe_connection(item)) for item in message["items"]]
    if not items:
        items = [("", "This user has no Canvas connection.")]
    return [*(missed if message.get("missed") else []), *items]


def _describe_connection(item: Document) -> str:
    name = f"Connection {_short(item['connection_id'])}"
    if item["state"] != "idle":
        return f"{name}: a sync is {item['state']}."
    due = item["next_sync_at"]
    next_sync = f"the next one is due at {_local_time(due)}" if due else "none is due"
    return f"{name}: no sync is running; {next_sync}."


def _describe_sync(sync: Document) -> str:
    courses, changes = sync["courses"], sync["changes"]
    name = f"Sync {_short(sync['id'])}"
    match sync["status"]:
        case "queued":
            return f"{name} was requested ({sync['trigger']}, {sync['mode']})."
        case "running":
            total = courses["total"]
            done = courses["done"] + courses["failed"]
            return f"{name} is running: {done} of {total} courses." if total else f"{name} started."
        case "completed" | "partial":
            failed = f", {_count(courses['failed'], 'course')} failed" if courses["failed"] else ""
            counts = (
                _count(changes[f"{kind}s"], kind) for kind in ("course", "assignment", "grade")
            )
            return f"{name} {sync['status']}: {', '.join(counts)} changed{failed}."
        case status:
            reason = f": {sync['error']['detail'].rstrip('.')}" if sync["error"] else ""
            return f"{name} {status}{reason}."


def _describe_grade(change: Document) -> str:
    course = change["course_name"] or "a course without a name"
    subject = (
        f"Grade of “{change['assignment_name']}” in “{course}”"
        if change["subject"] == "assignment"
        else f"Total of “{course}”"
    )
    return f"{subject}: {_score(change['previous'])} → {_score(change['current'])}"


def _score(score: Document | None) -> str:
    if score is None:
        return "none"
    points, grade = score["score"], score["grade"]
    texts = [] if points is None else [f"{points:g}"]
    if grade and grade not in texts:
        texts.append(grade)
    return " ".join(texts) or "none"


def _local_time(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _short(id_: str) -> str:
    return id_[:8]
