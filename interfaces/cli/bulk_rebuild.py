"""Fills new versions of read models together, before `easeboard projections rebuild` ends each."""

from collections.abc import Sequence
from functools import partial
from threading import Event

from infrastructure.projection_engine.bulk_rebuild import fill_together
from interfaces.cli.output import ProgressBars
from interfaces.cli.rebuild_bar import RebuildBar
from interfaces.composition.background_rebuild import READ_MODELS_BY_NAME
from interfaces.composition.process import Process
from interfaces.composition.worker_log import open_log_of_worker


def fill_with_bar(
    process: Process, names: Sequence[str], progress_bars: ProgressBars, stopping: Event
) -> dict[str, int]:
    """Fill new versions of read models in several processes; blocks. One bar shows all of them.

    Returns the versions that are being built. Raises RebuildStopped once `stopping` is set.
    """
    title = names[0] if len(names) == 1 else f"{len(names)} read models"
    bar = RebuildBar(progress_bars, title, stopping)
    positions: dict[str, int] = {}

    def update_bar(name: str, done: int, total: int) -> None:
        positions[name] = done
        bar.show(min(positions.values()), total)

    url = process.database_url
    building = fill_together(
        url,
        process.log_reader,
        [READ_MODELS_BY_NAME[name] for name in names],
        partial(open_log_of_worker, url, process.settings),
        update_bar,
    )
    bar.end()
    return building
