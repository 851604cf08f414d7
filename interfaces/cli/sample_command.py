"""`easeboard projections verify --sample`: the nightly check of the read models, by hand."""

import asyncio
import getpass
from functools import partial
from typing import Any

from infrastructure.projection_engine.sample_check import SampleResult, check_samples
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import print_json, print_line
from interfaces.cli.runtime import configure, run
from interfaces.composition.background_rebuild import READ_MODELS_BY_NAME
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.nightly_check import report_samples


def verify_samples(names: list[str], people: int, *, json: bool) -> None:
    """Compare the rows of people chosen at random; in all read models if `names` is empty.

    Raises:
        CommandFailed: If a name is not the name of a read model.
        SystemExit: With exit code 1, if rows are not those of the event log.
    """
    for name in names:
        if name not in READ_MODELS_BY_NAME:
            raise CommandFailed(
                f"There is no read model {name}: use one of {', '.join(READ_MODELS_BY_NAME)}."
            )
    results = run(_check(names or list(READ_MODELS_BY_NAME), people))
    if json:
        print_json({"items": [_document(found) for found in results]})
    else:
        for found in results:
            print_line(_describe(found))
    if any(found.result != "ok" for found in results):
        raise SystemExit(1)


async def _check(names: list[str], people: int) -> list[SampleResult]:
    models = [READ_MODELS_BY_NAME[name] for name in names]
    async with bootstrap(configure()) as process:
        check = partial(check_samples, process.database_url, process.log_reader, models)
        results = await asyncio.to_thread(check, people=people)
        await report_samples(process.store, results, f"cli:{getpass.getuser()}")
    return results


def _document(found: SampleResult) -> dict[str, Any]:
    return found._asdict() | {"result": found.result}


def _describe(found: SampleResult) -> str:
    sample = f"{found.name}: a sample of {found.people:,} people at position {found.position:,}"
    if found.result == "ok":
        return f"{sample} is what the event log gives."
    people = ", ".join(map(str, found.different[:5])) or "unknown"
    tables = ", ".join(found.tables)
    return f"{sample} is not what the event log gives: people {people}; tables {tables}."
