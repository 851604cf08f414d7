"""Shows a sync as it goes: a bar for each course on a terminal, a line for each elsewhere."""

import asyncio
from typing import Any, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from interfaces.cli.demo.http_client import Caller
from interfaces.cli.errors import Failure
from interfaces.cli.output import console

PATIENCE = 120.0
"""Seconds a sync may take before the demo gives up."""
GLANCE = 0.1
"""Seconds between two looks."""
BARS = 16
"""Courses up to which each has a bar of its own."""

Document = dict[str, Any]


class Courses:
    """The courses of one run, drawn as they arrive."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[said]}"),
            console=console,
            transient=False,
            disable=not console.is_terminal,
        )
        self._all = self._bars.add_task("all courses", total=None, said="")
        self._waiting: list[TaskID] = []
        self._arrived: set[str] = set()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def expect(self, courses: Document) -> None:
        """Say how many there are and how many are done."""
        total = courses["total"] or None
        done = courses["done"] + courses["failed"]
        self._bars.update(self._all, total=total, completed=done, said=f"{done} of {total or '?'}")
        missing = (total or 0) - len(self._waiting) - len(self._arrived)
        if total and total <= BARS:
            self._waiting += [
                self._bars.add_task("…", total=None, said="reading") for _ in range(missing)
            ]

    def arrive(self, course: Document) -> None:
        """Draw a course that was read."""
        if course["id"] in self._arrived:
            return
        self._arrived.add(course["id"])
        name = course["name"] or "a course Canvas restricts"
        said = f"{course['assignment_count']} assignments"
        if self._waiting:
            bar = self._waiting.pop(0)
            self._bars.update(bar, description=name, total=1, completed=1, said=said)
        if not console.is_terminal:
            console.print(f"  read {name}: {said}")

    def end(self, sync: Document) -> None:
        """Close what is still open: courses in which nothing differs never arrive."""
        self.expect(sync["courses"])
        for bar in self._waiting:
            self._bars.remove_task(bar)
        if self._waiting:
            done = sync["courses"]["done"]
            said = f"{done} read, {len(self._waiting)} unchanged"
            self._bars.update(self._all, said=said)
        self._waiting.clear()


async def watch(student: Caller, sync_id: str, since: str | None) -> Document:
    """Draw a run until it is over and return it; raises Failure unless it read everything.

    `since` is the newest `updated_at` of a course from before the run: newer ones arrived in it.
    """
    with Courses() as courses:
        async with asyncio.timeout(PATIENCE):
            while True:
                sync = await _run(student, sync_id)
                courses.expect(sync["courses"])
                for course in await student.items("/api/v1/canvas/courses"):
                    if since is None or course["updated_at"] > since:
                        courses.arrive(course)
                if sync["finished_at"]:
                    break
                await asyncio.sleep(GLANCE)
        courses.end(sync)
    if sync["status"] != "completed":
        raise Failure(f"The sync ended as {sync['status']}: {sync['error'] or sync['courses']}")
    return sync


async def _run(student: Caller, sync_id: str) -> Document:
    for sync in await student.items("/api/v1/sync/logs"):
        if sync["id"] == sync_id:
            return sync
    nothing = {"total": 0, "done": 0, "failed": 0}
    return {"id": sync_id, "courses": nothing, "finished_at": None}


async def caught_up(admin: Caller) -> None:
    """Wait until every read model has come as far as the log."""
    async with asyncio.timeout(PATIENCE):
        while True:
            models = await admin.items("/api/v1/admin/projections")
            if all(model["lag_events"] == 0 for model in models):
                return
            await asyncio.sleep(GLANCE)
