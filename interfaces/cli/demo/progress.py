"""Shows a sync as it goes: a bar for each course on a terminal, a line for each elsewhere."""

import asyncio
from typing import Any, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from interfaces.cli.demo.http_client import ApiClient
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import console

DEMO_SYNC_TIMEOUT_SECONDS = 120.0
"""Seconds a sync may take before the demo gives up."""
DEMO_POLL_SECONDS = 0.1
"""Seconds between two looks."""
MAX_COURSE_BARS = 16
"""Courses up to which each has a bar of its own."""

Document = dict[str, Any]


class CourseProgress:
    """The courses of one run, drawn as they arrive."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}"),
            console=console,
            transient=False,
            disable=not console.is_terminal,
        )
        self._total_bar = self._bars.add_task("all courses", total=None, detail="")
        self._pending_bars: list[TaskID] = []
        self._shown_ids: set[str] = set()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def update_counts(self, courses: Document) -> None:
        """Say how many there are and how many are done."""
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
        """Draw a course that was read."""
        if course["id"] in self._shown_ids:
            return
        self._shown_ids.add(course["id"])
        name = course["name"] or "a course Canvas restricts"
        detail = f"{course['assignment_count']} assignments"
        if self._pending_bars:
            bar = self._pending_bars.pop(0)
            self._bars.update(bar, description=name, total=1, completed=1, detail=detail)
        if not console.is_terminal:
            console.print(f"  read {name}: {detail}")

    def finish(self, sync: Document) -> None:
        """Close what is still open: courses in which nothing differs never arrive."""
        self.update_counts(sync["courses"])
        for bar in self._pending_bars:
            self._bars.remove_task(bar)
        if self._pending_bars:
            done = sync["courses"]["done"]
            detail = f"{done} read, {len(self._pending_bars)} unchanged"
            self._bars.update(self._total_bar, detail=detail)
        self._pending_bars.clear()


async def follow_sync(student: ApiClient, sync_id: str, since: str | None) -> Document:
    """Draw a run until it is over and return it; raises CommandFailed unless it read everything.

    `since` is the newest `updated_at` of a course from before the run: newer ones arrived in it.
    """
    with CourseProgress() as progress:
        async with asyncio.timeout(DEMO_SYNC_TIMEOUT_SECONDS):
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
        raise CommandFailed(
            f"The sync ended as {sync['status']}: {sync['error'] or sync['courses']}"
        )
    return sync


async def _find_sync(student: ApiClient, sync_id: str) -> Document:
    for sync in await student.items("/api/v1/sync/logs"):
        if sync["id"] == sync_id:
            return sync
    no_courses = {"total": 0, "done": 0, "failed": 0}
    return {"id": sync_id, "courses": no_courses, "finished_at": None}


async def wait_for_projections(admin: ApiClient) -> None:
    """Wait until every read model has come as far as the log."""
    async with asyncio.timeout(DEMO_SYNC_TIMEOUT_SECONDS):
        while True:
            models = await admin.items("/api/v1/admin/projections")
            if all(model["lag_events"] == 0 for model in models):
                return
            await asyncio.sleep(DEMO_POLL_SECONDS)
