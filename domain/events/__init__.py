"""All events, in the order in which they happen."""

from domain.events.calendar import CalendarEnded, CalendarShared
from domain.events.connection import (
    ConnectionClosed,
    ConnectionOpened,
    ConnectionValidated,
    TokenRejected,
    TokenRotated,
)
from domain.events.dead_letter import DeadLetterRetried, DeadLetterSkipped
from domain.events.history_access import ConnectionsListed, HistoryRead
from domain.events.person import PersonErased
from domain.events.read_model import ReadModelSampleDiffered, ReadModelVerified
from domain.events.sync import (
    CourseFetched,
    CourseFetchFailed,
    CourseUnlisted,
    CourseWithdrawn,
    DueDateChanged,
    GradeChanged,
    SyncCancelled,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
    SyncRequeued,
    SyncStarted,
    SyncWidened,
)

__all__ = [  # noqa: RUF022  # the order in which they happen
    "ConnectionOpened",
    "TokenRotated",
    "ConnectionValidated",
    "TokenRejected",
    "ConnectionClosed",
    "SyncRequested",
    "SyncStarted",
    "SyncRequeued",
    "SyncWidened",
    "CourseFetched",
    "CourseUnlisted",
    "CourseWithdrawn",
    "DueDateChanged",
    "GradeChanged",
    "CourseFetchFailed",
    "SyncCompleted",
    "SyncFailed",
    "SyncCancelled",
    "CalendarShared",
    "CalendarEnded",
    "PersonErased",
    "HistoryRead",
    "ConnectionsListed",
    "DeadLetterRetried",
    "DeadLetterSkipped",
    "ReadModelVerified",
    "ReadModelSampleDiffered",
]
