"""Defines the commands for auditors with their options; `audit.py` executes them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from interfaces.cli.options import (
    EXAMPLE_ID,
    CommandGroup,
    JsonOption,
    PurposeOption,
    example,
    parse_time,
)

audit_app = CommandGroup(
    help="Read the recorded events.",
    epilog=example(f"easeboard audit history {EXAMPLE_ID} --purpose 'complaint 4711'"),
)


class EventSort(StrEnum):
    """The order of the log, or the reverse."""

    oldest_first = "position"
    newest_first = "-position"


ConnectionArgument = Annotated[
    UUID, typer.Argument(help=f"Id of the connection, for example {EXAMPLE_ID}.")
]
AsOfOption = Annotated[
    datetime | None,
    typer.Option(
        parser=parse_time,
        metavar="TIME",
        help="Print only events up to the last one that was recorded by this time (RFC 3339; UTC "
        "if it has no offset), for example 2026-09-01T12:00:00Z.",
    ),
]
VersionOption = Annotated[
    int | None,
    typer.Option(
        "--version",
        min=1,
        help="Print only events up to this version of the connection, for example 3.",
    ),
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option("--type", help="Print only events of this type, for example GradeChanged."),
]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        parser=parse_time,
        metavar="TIME",
        help="Print only events from the first one on that was recorded at or after this time, for "
        "example 2026-09-01.",
    ),
]
UntilOption = Annotated[
    datetime | None,
    typer.Option(
        parser=parse_time,
        metavar="TIME",
        help="Print only events up to the last one that was recorded before this time, for example "
        "2026-10-01.",
    ),
]
AfterPositionOption = Annotated[
    int,
    typer.Option(min=0, help="Print only events after this position of the log, for example 42."),
]
SortOption = Annotated[
    EventSort,
    typer.Option(help="Print the oldest event first, or the newest: for example -position."),
]
LimitOption = Annotated[
    int | None, typer.Option(min=1, help="Print at most so many events, for example 20.")
]

AllOption = Annotated[
    bool,
    typer.Option("--all", help="Print every event of the first reading, which is one line else."),
]


@audit_app.command(
    "history",
    epilog=example(
        f"easeboard audit history {EXAMPLE_ID} --as-of 2026-09-01T12:00:00Z"
        " --purpose 'complaint 4711'"
    ),
)
def audit_history(
    *,
    connection: ConnectionArgument,
    as_of: AsOfOption = None,
    at_version: VersionOption = None,
    type_: TypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    after_position: AfterPositionOption = 0,
    sort: SortOption = EventSort.oldest_first,
    limit: LimitOption = None,
    all_events: AllOption = False,
    purpose: PurposeOption = "",
    json: JsonOption = False,
) -> None:
    """Print the recorded events of a connection and its syncs: one sentence for each.

    This read is recorded as an event too, with its purpose, before anything is printed.
    """
    if as_of and at_version:
        raise typer.BadParameter("give either a time or a version.", param_hint="--as-of")
    # Imported here, which keeps --help fast.
    from domain import events  # noqa: PLC0415
    from interfaces.cli.audit import EventSelection, show_history  # noqa: PLC0415

    if unknown := set(type_ or ()) - set(events.__all__):
        raise typer.BadParameter(
            f"there is no event {min(unknown)}; the events are {', '.join(events.__all__)}.",
            param_hint="--type",
        )
    selection = EventSelection(
        as_of=as_of,
        version=at_version,
        types=tuple(type_ or ()),
        since=since,
        until=until,
        after_position=after_position,
        sort=sort.value,
        limit=limit,
    )
    show_history(connection, selection, purpose=purpose, json=json, all_events=all_events)
