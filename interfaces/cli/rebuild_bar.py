"""The progress bar of a rebuild, at whose updates the rebuild can be stopped."""

from threading import Event

from infrastructure.projection_engine.rebuild import RebuildStopped
from interfaces.cli.output import ProgressBars


class RebuildBar:
    """One bar. What was done before its first update does not count for the rate it shows."""

    def __init__(self, bars: ProgressBars, title: str, stopping: Event) -> None:
        self._bars = bars
        self._stopping = stopping
        self._bar = bars.add_task(title, total=None)
        self._is_new = True

    def show(self, done: int, total: int) -> None:
        """Show how far the rebuild is, in positions; raises RebuildStopped if it shall end."""
        if self._stopping.is_set():
            raise RebuildStopped
        if self._is_new:
            self._bars.reset(self._bar, completed=done, total=total)
            self._is_new = False
        self._bars.update(self._bar, completed=done, total=total)

    def end(self) -> None:
        """Show that everything is done."""
        self._bars.update(self._bar, total=1, completed=1)
