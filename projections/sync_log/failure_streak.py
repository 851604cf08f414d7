"""Why the newest runs of a connection failed: how many in a row, since when, and the reason.

A run that completed although some of its courses failed counts as a partial failure. A run that
was cancelled changes nothing.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.errors import CanvasFailure, CanvasTokenRejected
from domain.event import Event
from domain.events import SyncCompleted, SyncFailed, TokenRejected, TokenRotated
from domain.sync_run import SyncRun


class FailureStreak(NamedTuple):
    """The failures of a connection since everything was read last; without any, `failed_runs` is 0.

    `code` is the error code of the last failure, `sync_id` its run: None if the token was rejected
    outside a run. `synced_at` is the end of the last run that completed, in whole or in part.
    """

    failed_runs: int = 0
    is_partial: bool = False
    since: datetime | None = None
    last_at: datetime | None = None
    code: str | None = None
    sync_id: UUID | None = None
    synced_at: datetime | None = None

    def after(self, event: Event, at: datetime, run: SyncRun | None) -> "FailureStreak":
        """Return the failures after an event recorded at `at`; `run` is the run that it ends."""
        match event:
            case SyncCompleted() if event.progress["failed"]:
                error = run["error"] if run else None
                code = error["code"] if error else CanvasFailure.code
                failed = self._failed_again(at, code, event.sync_id, is_partial=True)
                return failed._replace(synced_at=at)
            case SyncCompleted():
                return FailureStreak(synced_at=at)
            case SyncFailed():
                return self._failed_again(at, event.code, event.sync_id)
            case TokenRejected() if self.code != CanvasTokenRejected.code:
                return self._failed_again(at, CanvasTokenRejected.code, None)
            case TokenRotated():
                return FailureStreak(synced_at=self.synced_at)
        return self

    def _failed_again(
        self, at: datetime, code: str, sync_id: UUID | None, *, is_partial: bool = False
    ) -> "FailureStreak":
        return FailureStreak(
            self.failed_runs + 1, is_partial, self.since or at, at, code, sync_id, self.synced_at
        )
