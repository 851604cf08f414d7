"""`easeboard projections`: how far the read models are, and building them anew."""

import asyncio
from typing import Any

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from infrastructure.projection_engine.rebuild import RebuildProgress
from infrastructure.projection_engine.rebuild import rebuild as build_anew
from interfaces.cli.errors import Failure
from interfaces.cli.output import console, print_json, print_table
from interfaces.cli.runtime import configured, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Running
from projections.registry import READ_MODELS

Document = dict[str, Any]
MODELS = {model.name: model for model in READ_MODELS}


class Rate(ProgressColumn):
    """How many events are taken in each second."""

    def render(self, task: Task) -> Text:
        """Draw it."""
        return Text(f"{task.speed:,.0f} events/s" if task.speed else "")


def show_projections(*, json: bool) -> None:
    """Print every read model and how far it is behind the log."""
    models = run(_models())
    if json:
        print_json({"items": models})
        return
    print_table(
        ["name", "version", "state", "position", "behind", "seconds", "rebuild"],
        [
            (
                model["name"],
                model["version"],
                model["state"],
                model["position"],
                model["lag_events"],
                round(model["lag_seconds"], 1),
                _rebuild(model["rebuild"]),
            )
            for model in models
        ],
    )


def rebuild(names: list[str], *, json: bool) -> None:
    """Rebuild read models, all when none is named, one after the other; raises Failure."""
    versions = run(_rebuild_all(names, drawn=not json))
    if json:
        print_json({"rebuilt": versions})
    else:
        for name, version in versions.items():
            console.print(f"{name} is rebuilt; version {version} answers now.")


async def _models() -> list[Document]:
    async with bootstrap(configured()) as running:
        models: list[Document] = await running.service.projections()
        return models


async def _rebuild_all(names: list[str], *, drawn: bool) -> dict[str, int]:
    for name in names:
        if name not in MODELS:
            raise Failure(f"There is no read model {name}: name some of {', '.join(MODELS)}.")
    async with bootstrap(configured()) as running:
        with _bars(drawn=drawn) as bars:
            return {name: await _rebuild_one(running, name, bars) for name in names or MODELS}


async def _rebuild_one(running: Running, name: str, bars: Progress) -> int:
    bar = bars.add_task(name, total=None)

    def draw(progress: RebuildProgress) -> None:
        bars.update(bar, completed=progress.done, total=progress.total)

    version = await asyncio.to_thread(
        build_anew, running.database_url, running.log, MODELS[name], draw
    )
    bars.update(bar, total=1, completed=1)
    return version


def _bars(*, drawn: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=console,
        disable=not (drawn and console.is_terminal),
    )


def _rebuild(rebuild: Document | None) -> str | None:
    if rebuild is None:
        return None
    return f"{rebuild['state']}, {rebuild['done']:,} of {rebuild['total']:,}"
