"""Queries what changed of what a student saw of one connection, between two times."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.log_position import LogPosition
from infrastructure.event_store.history import HistoryRow, PositionRange, read_history
from interfaces.queries.audit_history import LogReading, history_streams
from interfaces.queries.event_sentences import sentence_of
from interfaces.queries.past_views.past_views import PastViews
from interfaces.queries.past_views.view_changes import Change, view_changes
from projections.support.json_documents import format_rfc3339

Document = dict[str, Any]

KINDS_OF_EVENTS = {
    "ConnectionOpened": "connection_opened",
    "TokenRotated": "token_replaced",
    "TokenRejected": "token_rejected",
    "ConnectionClosed": "connection_closed",
    "SyncFailed": "sync_failed",
}
"""Events that are items of a diff themselves, and the kinds of these items."""
CAUSES = ("CourseFetched", "CourseWithdrawn")
"""Events that change a view."""
ADDITIONS = frozenset({"course_added", "assignment_added"})
"""Kinds of changes after which others can follow."""


@dataclass(frozen=True, slots=True)
class ViewDiffs:
    """Queries of diffs, from two views and the events between them."""

    views: PastViews

    async def diff(
        self,
        connection_id: UUID,
        *,
        at: LogPosition | None = None,
        since: datetime,
        until: datetime | None = None,
    ) -> LogReading[Document]:
        """Return what changed from the view at `since` to that at `until`, or to the present one.

        `until` is not before `since`. What only the clock changes, such as that an assignment is
        overdue, is left out.

        Raises:
            ConnectionNotFound: If no such connection was ever opened.
        """
        before, _ = await self.views.view_at(connection_id, at=at, as_of=since)
        after, place = await self.views.view_at(connection_id, at=at, as_of=until)
        document: Document = {
            "connection_id": connection_id,
            "from": format_rfc3339(before.as_of),
            "to": format_rfc3339(after.as_of),
            "from_position": before.position,
            "to_position": after.position,
            "redacted": after.is_redacted,
            "left_out": after.left_out,
            "items": [],
        }
        if after.is_redacted:
            return LogReading(document, place)
        rows = await read_history(
            self.views.history.pool,
            self.views.history.mapper,
            history_streams(connection_id)[:2],
            PositionRange(before.position, after.position),
            topics=[*KINDS_OF_EVENTS, *CAUSES],
        )
        readable = [row for row in rows if not row.payload.keys() & {"redacted", "unreadable"}]
        causes = _Causes(readable)
        items = [_event_item(row) for row in readable if row.topic in KINDS_OF_EVENTS]
        is_closed = after.connection is not None and after.connection["status"] == "closed"
        if not is_closed:
            items += [
                _change_item(change, causes.of(change)) for change in view_changes(before, after)
            ]
        items.sort(key=lambda item: (item["position"] is None, item["position"] or 0))
        return LogReading({**document, "items": items}, place)


class _Causes:
    """The first and the last event about each course and each assignment, by Canvas id."""

    def __init__(self, rows: Iterable[HistoryRow]) -> None:
        self._first: dict[tuple[str, str], HistoryRow] = {}
        self._last: dict[tuple[str, str], HistoryRow] = {}
        for row in rows:
            for key in _subjects(row):
                self._first.setdefault(key, row)
                self._last[key] = row

    def of(self, change: Change) -> HistoryRow | None:
        """Return the event that caused a change: the first one for what is new, else the last."""
        found = self._first if change.kind in ADDITIONS else self._last
        cause = found.get(("course", change.course["canvas_id"]))
        if change.assignment is None:
            return cause
        return found.get(("assignment", change.assignment["canvas_id"]), cause)


def _subjects(row: HistoryRow) -> Iterator[tuple[str, str]]:
    """Yield what an event of CAUSES is about."""
    if row.topic == "CourseWithdrawn":
        yield "course", row.payload["course_id"]
    elif row.topic == "CourseFetched":
        yield "course", row.payload["course"]["canvas_id"]
        for assignment in row.payload["assignments"]:
            yield "assignment", assignment["canvas_id"]
        for canvas_id in row.payload["removed"]:
            yield "assignment", canvas_id


def _change_item(change: Change, cause: HistoryRow | None) -> Document:
    return {
        "at": cause and format_rfc3339(cause.recorded_at),
        "position": cause and cause.position,
        "sync_id": cause and cause.payload["sync_id"],
        "kind": change.kind,
        "sentence": change.sentence,
        "course": _reference(change.course),
        "assignment": change.assignment and _reference(change.assignment),
        "before": change.before,
        "after": change.after,
    }


def _event_item(row: HistoryRow) -> Document:
    return {
        "at": format_rfc3339(row.recorded_at),
        "position": row.position,
        "sync_id": row.payload.get("sync_id"),
        "kind": KINDS_OF_EVENTS[row.topic],
        "sentence": sentence_of(row.topic, row.payload),
        "course": None,
        "assignment": None,
        "before": None,
        "after": None,
    }


def _reference(document: Document) -> Document:
    return {member: document[member] for member in ("id", "canvas_id", "name")}
