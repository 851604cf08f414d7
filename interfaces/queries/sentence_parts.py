"""Parts of sentences about a student's data: names, numbers, grades and times, as plain text."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infrastructure.observability.visible_text import visible_text


def quoted(name: str | None, otherwise: str) -> str:
    """Return a name in quotation marks, with invisible characters as escapes; else a phrase."""
    return f"“{visible_text(name)}”" if name else otherwise


def number(value: float | None) -> str:
    """Return a number without needless digits, such as `8` or `9.5`; `none` for None."""
    return "none" if value is None else f"{value:.12g}"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 course`, `3 courses`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def joined(parts: list[str]) -> str:
    """Return parts as a list in a sentence: `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def at_time(text: str | datetime | None) -> str:
    """Return an RFC 3339 time in UTC, such as `2026-09-01 05:59:59 UTC`; `none` for None.

    What is not a time is returned as it is: events keep what Canvas sent.
    """
    if text is None:
        return "none"
    if isinstance(text, datetime):
        time = text
    else:
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            return visible_text(text)
    in_utc = time.astimezone(UTC) if time.tzinfo else time
    return f"{in_utc:%Y-%m-%d %H:%M:%S} UTC"


def score_change(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, points: float | None
) -> str:
    """Return how a score changed: `changed from 8 to 9.5 of 10 (B+ → A-)`.

    `points` are the points for full marks, if they are known.
    """
    if after is None:
        return f"is no longer shown; it was {_whole_score(before, points)}"
    if before is None:
        return f"is {_whole_score(after, points)}"
    grades = _grade(before), _grade(after)
    if before["score"] == after["score"]:
        same = "" if after["score"] is None else f" at {_score(after, points)}"
        return f"changed from {grades[0] or 'none'} to {grades[1] or 'none'}{same}"
    scores = _score(before), _score(after, points)
    has_both_scores = None not in {before["score"], after["score"]}
    if has_both_scores and (_grade_text(before) or _grade_text(after)):
        scores = _with_grades(scores, grades)
    return f"changed from {scores[0]} to {scores[1]}"


def _with_grades(scores: tuple[str, str], grades: tuple[str | None, str | None]) -> tuple[str, str]:
    """Add two different grades with an arrow to the new score, a single one to its own score."""
    if not grades[1]:
        return f"{scores[0]} ({grades[0]})", scores[1]
    arrow = f"{grades[0]} → " if grades[0] not in {None, grades[1]} else ""
    return scores[0], f"{scores[1]} ({arrow}{grades[1]})"


def _whole_score(score: Mapping[str, Any] | None, points: float | None) -> str:
    """Return a score with its grade: `8 of 10 (B+)`."""
    grade = _grade_text(score) if score and score["score"] is not None else None
    return _score(score, points) + (f" ({grade})" if grade else "")


def _score(score: Mapping[str, Any] | None, points: float | None = None) -> str:
    """Return the points of a score, or the grade if it has none."""
    if score is None:
        return "none"
    if score["score"] is None:
        return _grade_text(score) or "none"
    return number(score["score"]) + ("" if points is None else f" of {number(points)}")


def _grade(score: Mapping[str, Any]) -> str | None:
    """Return the grade as it is recorded; None without one."""
    return visible_text(score["grade"]) if score["grade"] else None


def _grade_text(score: Mapping[str, Any]) -> str | None:
    """Return the grade, unless it is only the score in another form, such as `8.0` or `8%`."""
    grade = score["grade"]
    if not grade:
        return None
    try:
        repeats = score["score"] is not None and float(grade.rstrip("%")) == score["score"]
    except ValueError:
        repeats = False
    return None if repeats else visible_text(grade)
