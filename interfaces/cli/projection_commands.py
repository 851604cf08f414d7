"""Defines the commands for read models with their options; `projections.py` executes most."""

# ruff: noqa: PLC0415  # a command imports its module when it runs, which keeps --help fast

from typing import Annotated
from uuid import UUID

import typer

from interfaces.cli.options import EXAMPLE_ID, CommandGroup, JsonOption, example

ALL = "all"

projections_app = CommandGroup(
    help="List, rebuild, verify, pause and roll back the read models.",
    epilog=example("easeboard projections list"),
)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of a read model, for example courses.")
]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME…",
        show_default=False,
        help="Names of read models, for example courses grades.",
    ),
]


@projections_app.command("list", epilog=example("easeboard projections list --json"))
def list_projections(*, json: JsonOption = False) -> None:
    """List the read models: state, lag, rate, owner, dead letters, and the reason of a failure."""
    from interfaces.cli.projections import show_projections

    show_projections(json=json)


@projections_app.command("rebuild", epilog=example("easeboard projections rebuild courses grades"))
def rebuild_projections(
    *,
    names: NamesArgument = None,
    all_models: Annotated[bool, typer.Option("--all", help="Rebuild every read model.")] = False,
    json: JsonOption = False,
) -> None:
    """Rebuild read models from the event log.

    Each is built beside its live version, which answers all queries until the cut-over.
    """
    if bool(names) == all_models:
        raise typer.BadParameter(
            "give either names of read models or --all; easeboard projections list has the names.",
            param_hint="NAME…",
        )
    from interfaces.cli.projections import rebuild_read_models

    rebuild_read_models(names or [], json=json)


@projections_app.command("verify", epilog=example("easeboard projections verify courses"))
def verify_projections(
    *,
    names: NamesArgument = None,
    sample: Annotated[
        int | None,
        typer.Option(
            metavar="PEOPLE",
            min=1,
            max=10_000,
            show_default=False,
            help="Compare only the rows of so many people, chosen at random; for example 20.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Fold the event log again, and compare the rows with those of the read models.

    Without names, every read model is verified. Exits with 1 if one is different.
    """
    if sample is not None:
        from interfaces.cli.sample_command import verify_samples

        verify_samples(names or [], sample, json=json)
        return
    from interfaces.cli.projections import verify_read_models

    verify_read_models(names or [], json=json)


@projections_app.command("pause", epilog=example("easeboard projections pause courses"))
def pause_projection(name: NameArgument, *, json: JsonOption = False) -> None:
    """Apply no further events to a read model until it is resumed, also after a restart.

    Queries are answered with the state that it has.
    """
    from interfaces.cli.projections import pause

    pause(name, json=json)


@projections_app.command("resume", epilog=example("easeboard projections resume courses"))
def resume_projection(name: NameArgument, *, json: JsonOption = False) -> None:
    """Apply events to a paused read model again."""
    from interfaces.cli.projections import resume

    resume(name, json=json)


@projections_app.command("rollback", epilog=example("easeboard projections rollback courses"))
def roll_back_projection(name: NameArgument, *, json: JsonOption = False) -> None:
    """Go back to the version of a read model that was live before the last cut-over.

    It is kept until the cut-over after that. It first catches up with the event log.
    """
    from interfaces.cli.projections import roll_back_read_model

    roll_back_read_model(name, json=json)


@projections_app.command(
    "dead-letters",
    epilog=example(f"easeboard projections dead-letters courses --skip {EXAMPLE_ID}"),
)
def settle_dead_letters(
    *,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", show_default=False, help="Name of a read model, for example courses."
        ),
    ] = None,
    retry: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Apply the event with this id again, for example after an upgrade; or all.",
        ),
    ] = None,
    skip: Annotated[
        UUID | None,
        typer.Option(
            metavar="ID",
            help=f"Leave an event out for good, and apply what waits; for example {EXAMPLE_ID}.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List, retry or skip the events that read models cannot apply.

    Later events of their streams wait. Who retries or skips is recorded in the event log. Exits
    with 1 if an event still cannot be applied.
    """
    if retry and skip:
        raise typer.BadParameter("give either --retry or --skip.", param_hint="--retry")
    from interfaces.cli.dead_letters_command import settle, show_dead_letters

    if retry:
        settle(name, "retry", None if retry == ALL else _parse_id(retry), json=json)
    elif skip:
        settle(name, "skip", skip, json=json)
    else:
        show_dead_letters(name, json=json)


def _parse_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not the id of a dead letter: use one that easeboard projections"
            " dead-letters prints, or all.",
            param_hint="--retry",
        ) from None
