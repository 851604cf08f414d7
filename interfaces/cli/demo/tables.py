"""Prints the results of the demo: tables and sentences."""

from collections import Counter
from typing import Any

from interfaces.cli.history_lines import event_lines
from interfaces.cli.output import print_heading, print_line, print_table, print_wrapped

Document = dict[str, Any]


def print_step(text: str) -> None:
    """Print the title of the next step."""
    print_heading(text)


def print_sync(sync: Document, seconds: float) -> None:
    """Print how many courses and requests a run needed, and what has changed."""
    changes, requests = sync["changes"], sync["requests"]
    print_line(
        f"Read {sync['courses']['done']} courses with {requests['total']} requests in "
        f"{seconds:.1f} s. Changes: courses {changes['courses']}, "
        f"assignments {changes['assignments']}, grades {changes['grades']}."
    )


def print_courses(courses: list[Document], assignments: list[Document]) -> None:
    """Print the courses that have not ended, and how many others there are."""
    shown = [each for each in courses if each["state"] == "active" and each["role"] == "student"]
    print_table(
        ["course", "code", "work", "graded", "upcoming", "missing", "score"],
        [
            (
                course["name"],
                course["course_code"],
                course["assignment_count"],
                *_counts_of([each for each in assignments if each["course_id"] == course["id"]]),
                course["current_score"],
            )
            for course in shown
        ],
    )
    others = Counter(
        each["state"] if each["role"] == "student" else f"as {each['role']}"
        for each in courses
        if each not in shown
    )
    if others:
        counts = ", ".join(f"{number} {kind}" for kind, number in sorted(others.items()))
        print_line(f"Other courses: {counts}.")


def _counts_of(assignments: list[Document]) -> tuple[int, int, int]:
    """Return how many are graded, how many upcoming, and how many Canvas flags as missing."""
    statuses = [each["status"] for each in assignments]
    missing = sum(_is_flagged_missing(each) for each in assignments)
    return statuses.count("graded"), statuses.count("upcoming"), missing


def _is_flagged_missing(assignment: Document) -> bool:
    submission = assignment["submission"]
    is_part_missing = any(part["status"] == "missing" for part in assignment["parts"])
    return bool(submission and submission["missing"]) or is_part_missing


def print_dashboard(stats: Document) -> None:
    """Print the statistics of `GET /api/v1/dashboard/stats`."""
    assignments, rate = stats["assignments"], stats["completion_rate"]
    average = stats["grades"]["average_score"]
    print_table(
        ["courses", "assignments", "due this week", "overdue", "missing", "done", "average"],
        [
            (
                f"{stats['courses']['active']} of {stats['courses']['total']}",
                assignments["total"],
                assignments["due_this_week"],
                assignments["overdue"],
                assignments["missing"],
                "—" if rate is None else f"{rate:.0%}",
                None if average is None else round(average, 2),
            )
        ],
    )


def print_grades(changes: list[Document], names: dict[str, str]) -> None:
    """Print grade changes; `names` has the name of each assignment and course by its id."""
    print_table(
        ["time", "assignment or course", "before", "after"],
        [
            (
                _clock_time(change["changed_at"]),
                names.get(change["assignment_id"] or change["course_id"]),
                format_score(change["previous"]),
                format_score(change["current"]),
            )
            for change in changes
        ],
    )


def print_events(events: list[Document]) -> None:
    """Print a sentence for each event."""
    for line in event_lines(events, fold=False):
        print_wrapped(line.sentence, f"{line.head}  ", hanging=" " * (len(line.head) + 2))


def _clock_time(timestamp: str) -> str:
    return timestamp[11:19]


def format_score(score: Document | None) -> str | None:
    """Format a score in points, followed by the grade if that differs, such as `8.5 B+`."""
    if score is None:
        return None
    points, grade = score["score"], score["grade"]
    points_text = None if points is None else f"{points:g}"
    if grade == points_text:
        return points_text
    return " ".join(part for part in (points_text, grade) if part)
