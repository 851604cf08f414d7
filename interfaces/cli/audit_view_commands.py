"""Defines `easeboard audit view` and `diff` with their options; `audit_views.py` executes them."""

from datetime import datetime
from typing import Annotated

import typer

from interfaces.cli.audit_commands import ConnectionArgument
from interfaces.cli.options import (
    EXAMPLE_ID,
    CommandGroup,
    JsonOption,
    PurposeOption,
    example,
    parse_time,
)

views_app = CommandGroup()

ViewTimeOption = Annotated[
    datetime,
    typer.Option(
        "--as-of",
        parser=parse_time,
        metavar="TIME",
        help="The time of the view (RFC 3339; UTC if it has no offset; if later, now), for example "
        "2026-09-01T12:00:00Z.",
    ),
]
FromOption = Annotated[
    datetime,
    typer.Option(
        "--from", parser=parse_time, metavar="TIME", help="The first time, for example 2026-09-01."
    ),
]
ToOption = Annotated[
    datetime | None,
    typer.Option(
        "--to",
        parser=parse_time,
        metavar="TIME",
        help="The second time, for example 2026-10-01; without it, now.",
    ),
]


@views_app.command(
    "view",
    epilog=example(
        f"easeboard audit view {EXAMPLE_ID} --as-of 2026-09-01T12:00:00Z --purpose 'complaint 4711'"
    ),
)
def audit_view(
    *,
    connection: ConnectionArgument,
    as_of: ViewTimeOption,
    purpose: PurposeOption = "",
    json: JsonOption = False,
) -> None:
    """Print what the student saw of a connection at a time: dashboard, courses, grades.

    This read is recorded as an event, with its purpose, before anything is printed.
    """
    # Imported here, which keeps --help fast.
    from interfaces.cli.audit_views import show_view  # noqa: PLC0415

    show_view(connection, as_of, purpose=purpose, json=json)


@views_app.command(
    "diff",
    epilog=example(
        f"easeboard audit diff {EXAMPLE_ID} --from 2026-09-01 --to 2026-10-01"
        " --purpose 'complaint 4711'"
    ),
)
def audit_diff(
    *,
    connection: ConnectionArgument,
    from_: FromOption,
    to: ToOption = None,
    purpose: PurposeOption = "",
    json: JsonOption = False,
) -> None:
    """Print what changed for the student between two times, one sentence for each change.

    This read is recorded as an event, with its purpose, before anything is printed.
    """
    if to is not None and to < from_:
        raise typer.BadParameter("the first time is later than the second.", param_hint="--from")
    # Imported here, which keeps --help fast.
    from interfaces.cli.audit_views import show_diff  # noqa: PLC0415

    show_diff(connection, from_, to, purpose=purpose, json=json)
