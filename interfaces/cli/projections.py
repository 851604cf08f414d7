"""`easeboard projections`: lists, rebuilds, verifies, pauses and rolls back read models."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from threading import Event
from typing import Any, TypeVar

from infrastructure.projection_engine.joined_rebuild import rebuild_or_join
from infrastructure.projection_engine.read_model import ReadModelDefinition
from infrastructure.projection_engine.rebuild import RebuildProgress, ReportProgress
from infrastructure.projection_engine.rollback import roll_back
from infrastructure.projection_engine.switch_check import SwitchCheck
from infrastructure.projection_engine.verification import Verification, verify_read_model
from interfaces.cli.bulk_rebuild import fill_with_bar
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import (
    ProgressBars,
    print_json,
    print_line,
    print_table,
    progress_of_rebuilds,
)
from interfaces.cli.rebuild_bar import RebuildBar
from interfaces.cli.runtime import configure, run
from interfaces.cli.stoppable_thread import run_in_thread
from interfaces.composition.background_rebuild import READ_MODELS_BY_NAME
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from interfaces.composition.verdict_recorder import VerdictRecorder, describe_counts
from interfaces.service import Service

R = TypeVar("R")
Document = dict[str, Any]
STATUS_COLUMNS = ("name", "state", "behind", "seconds", "per s", "dead", "owner")
"""With usual numbers they fit in 80 characters; what is longer stands in lines below."""
MAX_OWNER_CHARACTERS = 14


def show_projections(*, json: bool) -> None:
    """Print every read model: its state and lag, and every reason why something is wrong."""
    models = run(load_projection_status())
    if json:
        print_json({"items": models})
        return
    print_table(STATUS_COLUMNS, [_status_row(model) for model in models])
    for model in models:
        for detail in _details(model):
            print_line(f"{model['name']}: {detail}")


def rebuild_read_models(names: list[str], *, json: bool) -> None:
    """Rebuild read models one after another; all of them if `names` is empty.

    A rebuild of one that another process has begun is followed until it ends.

    Raises:
        CommandFailed: If a name is not the name of a read model.
        RebuildRefused: If a read model does not exist yet.
    """
    checks: list[SwitchCheck] = []
    building: dict[str, int] = {}

    def fill(*arguments: Any) -> None:
        building.update(fill_with_bar(*arguments))

    def rebuild(
        process: Process, model: ReadModelDefinition, report: ReportProgress, to: VerdictRecorder
    ) -> int:
        def report_check(check: SwitchCheck) -> None:
            checks.append(check)
            if not json:
                print_line(_describe_check(check))
            to.record_check(check)

        url, log = process.database_url, process.log_reader
        version = building.get(model.name)
        return rebuild_or_join(url, log, model, report, report_check, building=version)

    versions = run(_work_on_each(names, rebuild, show_progress=not json, first=fill))
    if json:
        print_json({"rebuilt": versions, "checked": [_check_document(each) for each in checks]})
    else:
        for name, version in versions.items():
            print_line(f"Rebuilt {name}: version {version} is live now.")
        for model in run(load_projection_status()):
            if model["name"] in versions and model["dead_letters"]:
                print_line(
                    f"{model['dead_letters']} events of {model['name']} are set aside: "
                    f"easeboard projections dead-letters {model['name']} lists them."
                )


def verify_read_models(names: list[str], *, json: bool) -> None:
    """Verify read models one after another; all of them if `names` is empty.

    Raises:
        CommandFailed: If a name is not the name of a read model.
        VerificationRefused: If one of them cannot be verified now.
        SystemExit: With exit code 1, if the rows of one are not those of the event log.
    """

    def verify(
        process: Process, model: ReadModelDefinition, report: ReportProgress, to: VerdictRecorder
    ) -> Verification:
        found = verify_read_model(process.database_url, process.log_reader, model, report)
        to.record_verification(found)
        return found

    found = run(_work_on_each(names, verify, show_progress=not json)).values()
    if json:
        print_json({"items": [_verification_document(each) for each in found]})
    else:
        for each in found:
            _print_verification(each)
    if any(each.result != "ok" for each in found):
        raise SystemExit(1)


def roll_back_read_model(name: str, *, json: bool) -> None:
    """Go back to the version of a read model that was live before.

    Raises:
        CommandFailed: If there is no read model of this name.
        RollbackRefused: If there is no earlier version that this program can continue.
        RebuildRefused: If a rebuild of it is running.
    """

    def roll_back_one(
        process: Process, model: ReadModelDefinition, report: ReportProgress, _: VerdictRecorder
    ) -> int:
        return roll_back(process.database_url, process.log_reader, model, report)

    versions = run(_work_on_each([name], roll_back_one, show_progress=not json))
    if json:
        print_json({"rolled_back": versions})
    else:
        print_line(f"Rolled back {name}: version {versions[name]} is live now.")


def pause(name: str, *, json: bool) -> None:
    """Pause a read model; raises CommandFailed if there is none of this name."""
    _require_names([name])
    run(_change(name, lambda service: service.pause_projection))
    _print_change(
        {"paused": name},
        f"Paused {name}: easeboard projections resume {name} applies events again.",
        json=json,
    )


def resume(name: str, *, json: bool) -> None:
    """Resume a read model; raises CommandFailed if there is none of this name."""
    _require_names([name])
    run(_change(name, lambda service: service.resume_projection))
    _print_change({"resumed": name}, f"Resumed {name}.", json=json)


async def load_projection_status() -> list[Document]:
    """Return the state of every read model, with the fields of `GET /api/v1/admin/projections`."""
    async with bootstrap(configure()) as process:
        return await process.service.projection_status()


Work = Callable[[Process, ReadModelDefinition, ReportProgress, VerdictRecorder], R]
"""What is done with a read model: in a thread, and with what gets the progress and the result."""

WorkOnAll = Callable[[Process, Sequence[str], ProgressBars, Event], None]
"""What is done with all read models before each is worked on; it ends if the event is set."""


async def _work_on_each(
    names: Sequence[str], work: Work[R], *, show_progress: bool, first: WorkOnAll | None = None
) -> dict[str, R]:
    _require_names(names)
    stopping = Event()
    async with bootstrap(configure()) as process:
        with progress_of_rebuilds(show=show_progress) as progress_bars:
            chosen = names or list(READ_MODELS_BY_NAME)
            if first:
                await run_in_thread(stopping, first, process, chosen, progress_bars, stopping)
            work_on = partial(_work_on, process, work, progress_bars, stopping)
            return {name: await work_on(name) for name in chosen}


async def _work_on(
    process: Process, work: Work[R], progress_bars: ProgressBars, stopping: Event, name: str
) -> R:
    bar = RebuildBar(progress_bars, name, stopping)

    def update_bar(progress: RebuildProgress) -> None:
        bar.show(progress.done, progress.total)

    loop = asyncio.get_running_loop()
    recorder = VerdictRecorder(process.store, loop, f"cli:{getpass.getuser()}")
    model = READ_MODELS_BY_NAME[name]
    result = await run_in_thread(stopping, work, process, model, update_bar, recorder)
    bar.end()
    return result


async def _change(name: str, select: Callable[[Service], Callable[[str], Awaitable[None]]]) -> None:
    async with bootstrap(configure()) as process:
        await select(process.service)(name)


def _require_names(names: Sequence[str]) -> None:
    for name in names:
        if name not in READ_MODELS_BY_NAME:
            raise CommandFailed(
                f"There is no read model {name}: use one of {', '.join(READ_MODELS_BY_NAME)}."
            )


def _print_change(document: Document, sentence: str, *, json: bool) -> None:
    if json:
        print_json(document)
    else:
        print_line(sentence)


def _print_verification(found: Verification) -> None:
    place = f"version {found.version} at position {found.position:,}"
    if found.result == "ok":
        print_line(f"{found.name} is what the event log gives: {place}, digest {found.digest}.")
        print_line(f"  rows: {describe_counts(found.tables)}")
        return
    print_line(f"{found.name} is not what the event log gives: {place}.")
    for each in found.differences:
        people = ", ".join(map(str, each.people))
        print_line(
            f"  {each.table}: {each.missing:,} rows are missing, {each.unexpected:,} are not in"
            f" the log; people: {people or 'unknown'}"
        )
    if found.failed:
        print_line(f"  {found.failed:,} events that were applied cannot be applied now.")
    print_line(f"  easeboard projections rebuild {found.name} makes the rows again.")


def _verification_document(found: Verification) -> Document:
    differences = [each._asdict() for each in found.differences]
    tables = [each._asdict() for each in found.tables]
    document = {"result": found.result, "differences": differences, "tables": tables}
    return found._asdict() | document


def _check_document(check: SwitchCheck) -> Document:
    return check._asdict() | {"tables": [each._asdict() for each in check.tables]}


def _describe_check(check: SwitchCheck) -> str:
    place = f"{check.name}: at position {check.position:,}, version {check.new_version} has the"
    rows = f"rows {describe_counts(check.tables)}"
    match check.result:
        case "ok":
            return f"{place} same rows as version {check.old_version}: {rows}; {check.new_digest}"
        case "different":
            return f"{place} {rows}, and not those of version {check.old_version}"
        case _:
            return f"{place} {rows}; its definition has changed"


def _status_row(model: Document) -> tuple[Any, ...]:
    return (
        model["name"],
        model["state"],
        model["lag_events"],
        round(model["lag_seconds"], 1),
        round(model["events_per_second"] or 0),
        model["dead_letters"],
        _short_owner(model["owner"]),
    )


def _short_owner(owner: str | None) -> str | None:
    """Return host and process id of a process that is named `host-digest:pid:start time`."""
    if owner is None:
        return None
    host, _, numbers = owner.partition(":")
    pid = ":" + numbers.partition(":")[0]
    name = host.rpartition("-")[0] or host
    return name[: MAX_OWNER_CHARACTERS - len(pid)] + pid


def _details(model: Document) -> Iterator[str]:
    """Yield what is longer than a cell of the table: verification, rebuild and errors."""
    if rebuild := model["rebuild"]:
        eta = rebuild["eta_seconds"]
        yield (
            f"rebuild {rebuild['state']}, position {rebuild['done']:,} of {rebuild['total']:,}"
            + (f", about {eta:,.0f} s left" if eta is not None else "")
        )
    if verified := model["verified"]:
        yield (
            f"verified {verified['result']} at {verified['at']:%Y-%m-%d %H:%M},"
            f" position {verified['position']:,}"
        )
    if model["error"]:
        yield model["error"]
