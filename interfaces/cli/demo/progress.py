"""Prints the progress of a sync: a bar for each course on a terminal, otherwise a line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from interfaces.cli.demo.http_client import ApiClient
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import BarId, is_terminal, print_line, progress_of_courses

DEMO_SYNC_TIMEOUT_SECONDS = 120.0
"""How long a sync or the read models may take before the demo fails."""
DEMO_POLL_SECONDS = 0.1
"""Interval between two requests for the progress."""
MAX_COURSE_BARS = 16
"""With more courses than this, only the bar of all courses is shown."""

Document = dict[str, Any]


class CourseProgress:
    """The progress bars of one run."""

    def __init__(self) -> None:
        self._bars = progress_of_courses()
        self._total_bar = self._bars.add_task("all courses", total=None, detail="")
        self._pending_bars: list[BarId] = []
        self._shown_ids: set[str] = set()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def update_counts(self, courses: Document) -> None:
        """Update the bar of all courses, and add bars of courses that are still to be read.

        `courses` is the member `courses` of a sync: `total`, `done` and `failed`.
        """
        total = courses["total"] or None
        done = courses["done"] + courses["failed"]
        self._bars.update(
            self._total_bar, total=total, completed=done, detail=f"{done} of {total or '?'}"
        )
        missing = (total or 0) - len(self._pending_bars) - len(self._shown_ids)
        if total and total <= MAX_COURSE_BARS:
            self._pending_bars += [
                self._bars.add_task("…", total=None, detail="reading") for _ in range(missing)
            ]

    def show_course(self, course: Document) -> None:
        """Show that a course was read; a course that is shown already is skipped."""
        if course["id"] in self._shown_ids:
            return
        self._shown_ids.add(course["id"])
        name = course["name"] or "a restricted course"
        detail = f"{course['assignment_count']} assignments"
        if self._pending_bars:
            bar = self._pending_bars.pop(0)
            self._bars.update(bar, description=name, total=1, completed=1, detail=detail)
        if not is_terminal():
            print_line(f"  read {name}: {detail}")

    def finish(self, sync: Document) -> None:
        """Remove the bars that are left: they belong to courses without changes."""
        self.update_counts(sync["courses"])
        for bar in self._pending_bars:
            self._bars.remove_task(bar)
        if self._pending_bars:
            done = sync["courses"]["done"]
            detail = f"{done} read, {len(self._pending_bars)} unchanged"
            self._bars.update(self._total_bar, detail=detail)
        self._pending_bars.clear()


async def follow_sync(student: ApiClient, sync_id: str, since: str | None) -> Document:
    """Show the progress of a run until it ends, and return it.

    `since` is the newest `updated_at` of a course before the run; courses with a newer one were
    changed by the run. None means that all courses are new.
    Raises: CommandFailed if the run did not complete, or not in time.
    """
    with CourseProgress() as progress:
        async with time_limit("The sync has not ended"):
            while True:
                sync = await _find_sync(student, sync_id)
                progress.update_counts(sync["courses"])
                for course in await student.items("/api/v1/canvas/courses"):
                    if since is None or course["updated_at"] > since:
                        progress.show_course(course)
                if sync["finished_at"]:
                    break
                await asyncio.sleep(DEMO_POLL_SECONDS)
        progress.finish(sync)
    if sync["status"] != "completed":
        reason = sync["error"] or sync["courses"]
        raise CommandFailed(
            f"The sync has ended as {sync['status']}: {reason}. LOG_LEVEL=info prints the details."
        )
    return sync


@asynccontextmanager
async def time_limit(problem: str) -> AsyncIterator[None]:
    """Raise CommandFailed with the problem if the block takes too long."""
    try:
        async with asyncio.timeout(DEMO_SYNC_TIMEOUT_SECONDS) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise CommandFailed(
            f"{problem} after {DEMO_SYNC_TIMEOUT_SECONDS:.0f} s: use fewer --courses or "
            "--assignments, or LOG_LEVEL=info to see what the service does."
        ) from None


async def _find_sync(student: ApiClient, sync_id: str) -> Document:
    for sync in await student.items("/api/v1/sync/logs"):
        if sync["id"] == sync_id:
            return sync
    no_courses = {"total": 0, "done": 0, "failed": 0}
    return {"id": sync_id, "courses": no_courses, "finished_at": None}


async def wait_for_projections(admin: ApiClient) -> None:
    """Wait until every read model has applied all events of the log.

    Raises: CommandFailed if they have not done so in time.
    """
    async with time_limit("The read models have not caught up with the event log"):
        while True:
            models = await admin.items("/api/v1/admin/projections")
            if all(model["lag_events"] == 0 for model in models):
                return
            await asyncio.sleep(DEMO_POLL_SECONDS)
