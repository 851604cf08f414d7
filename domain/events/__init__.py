"""Every event there is, in life order: the table of contents."""

from domain.events.connection import (
    ConnectionClosed,
    ConnectionOpened,
    ConnectionValidated,
    TokenRejected,
    TokenRotated,
)
from domain.events.person import PersonErased
from domain.events.reading import HistoryRead
from domain.events.sync import (
    CourseFetched,
    CourseFetchFailed,
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

__all__ = [  # noqa: RUF022  # life order, not alphabet
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
    "CourseWithdrawn",
    "DueDateChanged",
    "GradeChanged",
    "CourseFetchFailed",
    "SyncCompleted",
    "SyncFailed",
    "SyncCancelled",
    "PersonErased",
    "HistoryRead",
]
