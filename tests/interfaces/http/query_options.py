"""The keyword arguments of queries, as the fake service receives and records them.

Only those that were passed are recorded. mypy compares them with `interfaces/service_protocols.py`.
"""

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NotRequired, TypedDict
from uuid import UUID

from domain.log_position import LogPosition


class PageOptions(TypedDict):
    cursor: NotRequired[str | None]
    limit: int | None


class ConnectionOptions(PageOptions):
    connection_id: NotRequired[UUID | None]


class CourseOptions(ConnectionOptions):
    state: NotRequired[str | None]
    q: NotRequired[str | None]


class GradeOptions(ConnectionOptions):
    course_id: NotRequired[UUID | None]


class AssignmentOptions(GradeOptions):
    now: datetime
    statuses: NotRequired[AbstractSet[str]]
    due_after: NotRequired[datetime | None]
    due_before: NotRequired[datetime | None]
    q: NotRequired[str | None]
    sort: NotRequired[str]


class ChangeOptions(PageOptions):
    course_id: NotRequired[UUID | None]
    assignment_id: NotRequired[UUID | None]
    since: NotRequired[datetime | None]
    baseline: NotRequired[bool | None]
    sort: NotRequired[str]


class SyncOptions(ConnectionOptions):
    status: NotRequired[str | None]


class HistoryOptions(TypedDict):
    at: NotRequired[LogPosition | None]
    types: NotRequired[frozenset[str]]
    since: NotRequired[datetime | None]
    until: NotRequired[datetime | None]
    after_position: NotRequired[int]
    sort: NotRequired[str]
    cursor: NotRequired[str | None]
    limit: NotRequired[int | None]
    reader: NotRequired[str | None]


class StateOptions(TypedDict):
    at: NotRequired[LogPosition | None]
    as_of: NotRequired[datetime | None]
    version: NotRequired[int | None]


class AllConnectionsOptions(TypedDict):
    user_id: NotRequired[UUID | None]
    canvas_url: NotRequired[str | None]
    status: NotRequired[str | None]
    q: NotRequired[str | None]
    cursor: NotRequired[str | None]
    limit: NotRequired[int]


class DisclosureOptions(TypedDict):
    at: NotRequired[LogPosition | None]
    since: NotRequired[datetime | None]
    cursor: NotRequired[str | None]
    limit: NotRequired[int]


class ReadingOptions(DisclosureOptions):
    reader: NotRequired[str | None]
    connection_id: NotRequired[UUID | None]
    asked_by: NotRequired[str | None]


class ViewOptions(TypedDict):
    at: NotRequired[LogPosition | None]
    as_of: NotRequired[datetime | None]


class DiffOptions(TypedDict):
    at: NotRequired[LogPosition | None]
    since: datetime
    until: NotRequired[datetime | None]
