"""`easeboard projections`: prints the progress of the read models, and rebuilds them."""

import asyncio
from typing import Any

from infrastructure.projection_engine.rebuild import RebuildProgress, rebuild_read_model
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import (
    ProgressBars,
    print_json,
    print_line,
    print_table,
    progress_of_rebuilds,
)
from interfaces.cli.runtime import configure, run
from interfaces.composition.background_rebuild import READ_MODELS_BY_NAME
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process

Document = dict[str, Any]
STATUS_COLUMNS = (
    *("name", "version", "state", "position", "events behind", "seconds behind"),
    *("dead letters", "rebuild", "error"),
)


def show_projections(*, json: bool) -> None:
    """Print every read model with its position and its lag behind the event log."""
    models = run(load_projection_status())
    if json:
        print_json({"items": models})
        return
    print_table(
        [
            "name",
            "version",
            "state",
            "position",
            "events behind",
            "seconds behind",
            "dead",
            "rebuild",
            "error",
        ],
        [
            (
                model["name"],
                model["version"],
                model["state"],
                model["position"],
                model["lag_events"],
                round(model["lag_seconds"], 1),
                model["dead_letters"],
                _format_rebuild(model["rebuild"]),
                model["error"],
            )
            for model in models
        ],
    )


def rebuild_read_models(names: list[str], *, json: bool) -> None:
    """Rebuild read models one after another; all of them if `names` is empty.

    Raises:
        CommandFailed: If a name is not the name of a read model.
        RebuildRefused: If a rebuild of one of them is running already.
    """
    versions = run(_rebuild_all(names, show_progress=not json))
    if json:
        print_json({"rebuilt": versions})
    else:
        for name, version in versions.items():
            print_line(f"Rebuilt {name}: version {version} is live now.")


async def load_projection_status() -> list[Document]:
    """Return the state of every read model, with the fields of `GET /api/v1/admin/projections`."""
    async with bootstrap(configure()) as process:
        return await process.service.projection_status()


async def _rebuild_all(names: list[str], *, show_progress: bool) -> dict[str, int]:
    for name in names:
        if name not in READ_MODELS_BY_NAME:
            raise CommandFailed(
                f"There is no read model {name}: use {', '.join(READ_MODELS_BY_NAME)} or --all."
            )
    async with bootstrap(configure()) as process:
        with progress_of_rebuilds(show=show_progress) as progress_bars:
            return {
                name: await _rebuild_one(process, name, progress_bars)
                for name in names or READ_MODELS_BY_NAME
            }


async def _rebuild_one(process: Process, name: str, progress_bars: ProgressBars) -> int:
    bar = progress_bars.add_task(name, total=None)

    def update_bar(progress: RebuildProgress) -> None:
        progress_bars.update(bar, completed=progress.done, total=progress.total)

    version = await asyncio.to_thread(
        rebuild_read_model,
        process.database_url,
        process.log_reader,
        READ_MODELS_BY_NAME[name],
        update_bar,
    )
    progress_bars.update(bar, total=1, completed=1)
    return version


def _format_rebuild(rebuild: Document | None) -> str | None:
    if rebuild is None:
        return None
    return f"{rebuild['state']}, position {rebuild['done']:,} of {rebuild['total']:,}"
