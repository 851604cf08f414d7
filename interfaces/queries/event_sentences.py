"""One sentence for each recorded event, in plain words, with the names of what it is about."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from infrastructure.observability.visible_text import visible_text
from interfaces.queries.sentence_parts import at_time, counted, joined, quoted, score_change

Payload = Mapping[str, Any]

SHORT_ID_DIGITS = 8


class SentenceNames(NamedTuple):
    """What the sentence of an event shows beside its payload; None is not known."""

    course: str | None = None
    assignment: str | None = None
    points: float | None = None
    """The points for full marks of the assignment."""


NO_NAMES = SentenceNames()


def sentence_of(topic: str, payload: Payload, names: SentenceNames = NO_NAMES) -> str:
    """Return the sentence of an event from its stored name and its payload as auditors get it.

    Names in the payload come before `names`.
    """
    if payload.get("redacted") is True:
        return f"{topic}: what it recorded was erased together with the person's key."
    if "unreadable" in payload:
        return f"{topic} cannot be read: {visible_text(str(payload['unreadable']))}."
    return SENTENCES[topic](payload, names)


def short_id(id_: object) -> str:
    """Return the first digits of an id, which is enough to find it in a list."""
    return str(id_)[:SHORT_ID_DIGITS]


def course_of(payload: Payload, names: SentenceNames) -> str:
    """Return how a sentence names the course of an event."""
    name = payload.get("course_name") or names.course
    return quoted(name, f"the course {payload['course_id']}")


def assignment_of(payload: Payload, names: SentenceNames) -> str:
    """Return how a sentence names the assignment of an event."""
    name = payload.get("assignment_name") or names.assignment
    return quoted(name, f"the assignment {payload['assignment_id']}")


def _opened(payload: Payload, _: SentenceNames) -> str:
    user = quoted(payload["canvas_user_name"], f"the user {payload['canvas_user_id']}")
    canvas = quoted(payload["canvas_name"], "Canvas")
    return (
        f"The account of {user} at {canvas} ({visible_text(payload['canvas_url'])}) was connected."
    )


def _rotated(payload: Payload, _: SentenceNames) -> str:
    return (
        f"The access token was replaced by the one with fingerprint {payload['token_fingerprint']}."
    )


def _validated(payload: Payload, _: SentenceNames) -> str:
    return f"Canvas accepted the access token of {quoted(payload['canvas_user_name'], 'the user')}."


def _rejected(payload: Payload, _: SentenceNames) -> str:
    return f"Canvas no longer accepts the access token: {_text(payload['reason'])}"


def _closed(_: Payload, __: SentenceNames) -> str:
    return "The connection was closed and its access token destroyed."


REQUESTED = {
    "setup": "for the new connection",
    "manual": "by the person",
    "schedule": "by the schedule",
}


def _requested(payload: Payload, _: SentenceNames) -> str:
    why = REQUESTED.get(payload["trigger"], payload["trigger"])
    return f"Sync {_run(payload)} was requested {why} ({payload['mode']})."


def _started(payload: Payload, _: SentenceNames) -> str:
    return f"Sync {_run(payload)} was started by the worker {visible_text(payload['worker'])}."


REQUEUED = {
    "stopped": "its process stopped",
    "lost": "its worker died",
    "broke_off": "an unexpected error ended it",
}


def _requeued(payload: Payload, _: SentenceNames) -> str:
    why = REQUEUED.get(payload["reason"], payload["reason"])
    return f"Sync {_run(payload)} waits for another attempt: {why}."


def _widened(payload: Payload, _: SentenceNames) -> str:
    return (
        f"Sync {_run(payload)} reads everything, because Canvas does not show what changed:"
        f" {_text(payload['detail'])}"
    )


def _fetched(payload: Payload, _: SentenceNames) -> str:
    course, changes = payload["course"], payload["changes"]
    name = quoted(course["name"], f"the course {course['canvas_id']}")
    if course["state"] == "restricted":
        return f"Canvas shows only the id of {name}."
    parts = [counted(changes["assignments"], "assignment")] if changes["assignments"] else []
    parts += [counted(changes["grades"], "grade")] if changes["grades"] else []
    found = f"{joined(parts)} new, changed or removed" if parts else "its own data changed"
    unread = "" if payload["complete"] else "; its assignments could not be read"
    return f"Course {name} was read: {found}{unread}."


def _unlisted(payload: Payload, names: SentenceNames) -> str:
    return f"The list of courses lacked {course_of(payload, names)} for the first time."


def _withdrawn(payload: Payload, names: SentenceNames) -> str:
    return f"Canvas no longer has {course_of(payload, names)} for the student."


def _due_date(payload: Payload, names: SentenceNames) -> str:
    of = f"{assignment_of(payload, names)} in {course_of(payload, names)}"
    before, after = payload["previous"], payload["current"]
    if before is None:
        return f"Due date of {of} was set to {at_time(after)}."
    if after is None:
        return f"Due date of {of} was removed; it was {at_time(before)}."
    return f"Due date of {of} moved from {at_time(before)} to {at_time(after)}."


def _grade(payload: Payload, names: SentenceNames) -> str:
    is_total = payload["subject"] == "course"
    points = None if is_total else names.points
    change = score_change(payload["previous"], payload["current"], points)
    if is_total:
        return f"Total of {course_of(payload, names)} in per cent {change}."
    return f"Grade of {assignment_of(payload, names)} in {course_of(payload, names)} {change}."


def _fetch_failed(payload: Payload, names: SentenceNames) -> str:
    return (
        f"{_capital(course_of(payload, names))} could not be read:"
        f" {_text(payload['detail'])} ({payload['code']})"
    )


def _completed(payload: Payload, _: SentenceNames) -> str:
    progress, requests = payload["progress"], payload["requests"]
    failed = f", {progress['failed']} of them failed" if progress["failed"] else ""
    return (
        f"Sync {_run(payload)} completed: {counted(progress['total'], 'course')}{failed},"
        f" {counted(requests['total'], 'request')} to Canvas."
    )


def _failed(payload: Payload, _: SentenceNames) -> str:
    return f"Sync {_run(payload)} failed: {_text(payload['detail'])} ({payload['code']})"


def _cancelled(payload: Payload, _: SentenceNames) -> str:
    return f"Sync {_run(payload)} was cancelled."


def _history_read(payload: Payload, _: SentenceNames) -> str:
    purpose = payload.get("purpose")
    why = f"purpose: {visible_text(purpose)}" if purpose else "no purpose was asked for"
    what = visible_text(payload["what"])
    return f"{visible_text(payload['reader'])} read the history ({what}); {why}."


def _listed(payload: Payload, _: SentenceNames) -> str:
    purpose = payload.get("purpose")
    why = f"purpose: {visible_text(purpose)}" if purpose else "no purpose was asked for"
    what = visible_text(payload["what"])
    return f"{visible_text(payload['reader'])} read a list ({what}); {why}."


def _letter(payload: Payload) -> str:
    event = f"the event {payload['topic']} ({short_id(payload['letter_id'])})"
    return f"{event} in the read model {payload['projection']}"


def _verified(payload: Payload, _: SentenceNames) -> str:
    return (
        f"Version {payload['version']} of the read model {payload['projection']} was compared with"
        f" the log at position {payload['position']}: {payload['result']}."
    )


def _differed(payload: Payload, _: SentenceNames) -> str:
    return (
        f"The nightly check of the read model {payload['projection']} found a difference for"
        f" {payload['different']} of {counted(payload['people'], 'person', 'people')}."
    )


SENTENCES: dict[str, Callable[[Payload, SentenceNames], str]] = {
    "ConnectionOpened": _opened,
    "TokenRotated": _rotated,
    "ConnectionValidated": _validated,
    "TokenRejected": _rejected,
    "ConnectionClosed": _closed,
    "SyncRequested": _requested,
    "SyncStarted": _started,
    "SyncRequeued": _requeued,
    "SyncWidened": _widened,
    "CourseFetched": _fetched,
    "CourseUnlisted": _unlisted,
    "CourseWithdrawn": _withdrawn,
    "DueDateChanged": _due_date,
    "GradeChanged": _grade,
    "CourseFetchFailed": _fetch_failed,
    "SyncCompleted": _completed,
    "SyncFailed": _failed,
    "SyncCancelled": _cancelled,
    "CalendarShared": lambda _, __: "An address of the calendar was made; an earlier one ended.",
    "CalendarEnded": lambda _, __: "The address of the calendar ended.",
    "PersonErased": lambda _, __: "The person was erased: their key was destroyed.",
    "HistoryRead": _history_read,
    "ConnectionsListed": _listed,
    "DeadLetterRetried": lambda payload, _: f"An administrator retried {_letter(payload)}.",
    "DeadLetterSkipped": lambda payload, _: f"An administrator left out {_letter(payload)}.",
    "ReadModelVerified": _verified,
    "ReadModelSampleDiffered": _differed,
}
"""What makes the sentence of each event, by its stored name."""


def _run(payload: Payload) -> str:
    return short_id(payload["sync_id"])


def _text(text: str) -> str:
    """Return a text for people that may end with a full stop already, as the end of a sentence."""
    shown = visible_text(text).strip()
    return shown if shown.endswith((".", "!", "?")) else f"{shown}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
