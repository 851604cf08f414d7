"""Arranges recorded events for people: one sentence an event, the first reading as one."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from interfaces.queries.event_sentences import short_id
from interfaces.queries.sentence_parts import at_time, counted, joined

Document = dict[str, Any]


class HistoryLine(NamedTuple):
    """What is printed of an event, or of the first reading."""

    head: str
    """Position and time."""
    sentence: str


def event_lines(events: Sequence[Document], *, fold: bool) -> Iterator[HistoryLine]:
    """Yield a line for each event; with `fold` the events of the first reading are one line.

    The first reading is what the run of a new connection read: courses, and grades that are no
    news. Its line is where its first event would be.
    """
    first_runs = _first_runs(events)
    first_reading = [event for event in events if fold and _is_of_first_reading(event, first_runs)]
    folded = {event["position"] for event in first_reading}
    is_printed = False
    for event in events:
        if event["position"] not in folded:
            yield HistoryLine(_head(event["position"], event["recorded_at"]), _sentence(event))
        elif not is_printed:
            is_printed = True
            yield _first_reading_line(first_reading)


def _first_runs(events: Sequence[Document]) -> set[str]:
    """Return the ids of the runs that read for the first time: their grades are baselines."""
    return {
        event["payload"]["sync_id"]
        for event in events
        if (event["type"] == "GradeChanged" and event["payload"].get("baseline"))
        or (event["type"] == "SyncRequested" and event["payload"].get("trigger") == "setup")
    }


def _is_of_first_reading(event: Document, first_runs: set[str]) -> bool:
    payload = event["payload"]
    if event["type"] == "GradeChanged":
        return bool(payload.get("baseline"))
    return event["type"] == "CourseFetched" and payload.get("sync_id") in first_runs


def _first_reading_line(events: Sequence[Document]) -> HistoryLine:
    fetched = [event["payload"] for event in events if event["type"] == "CourseFetched"]
    graded = [event["payload"] for event in events if event["type"] == "GradeChanged"]
    courses = {payload["course"]["canvas_id"] for payload in fetched}
    assignments = {item["canvas_id"] for payload in fetched for item in payload["assignments"]}
    subjects = [payload["subject"] for payload in graded]
    totals = subjects.count("course")
    parts = [
        counted(len(courses), "course"),
        counted(len(assignments), "assignment"),
        counted(len(subjects) - totals, "grade"),
        *([counted(totals, "course total")] if totals else []),
    ]
    positions = [event["position"] for event in events]
    places = f"events {min(positions)} to {max(positions)}; --all prints each"
    first = min(events, key=lambda event: int(event["position"]))
    head = _head(first["position"], first["recorded_at"])
    return HistoryLine(head, f"First reading: {joined(parts)} ({places}).")


def _head(position: int, recorded_at: str) -> str:
    return f"{position:>7}  {at_time(recorded_at)[:19]}"


def _sentence(event: Document) -> str:
    """Return the sentence, with the run that an event of a sync belongs to if it names none."""
    sync_id = event["payload"].get("sync_id")
    sentence: str = event["sentence"]
    if not sync_id or short_id(sync_id) in sentence:
        return sentence
    return f"{sentence} [sync {short_id(sync_id)}]"
