"""Every command with its options and an example; what each does stands in a module of its own."""

# ruff: noqa: PLC0415  # a command loads what it needs when it runs, which keeps --help quick

import sys
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated
from uuid import UUID

import typer

from interfaces.cli.errors import report_error

CommandGroup = partial(
    typer.Typer, rich_markup_mode=None, no_args_is_help=True, add_completion=False
)
app = CommandGroup(
    help="Keeps students' Canvas courses, assignments and grades in step.",
    epilog="Start with: easeboard demo",
    pretty_exceptions_enable=False,
)
projections_app = CommandGroup(
    help="Look at the read models, and rebuild them.", epilog="Example: easeboard projections list"
)
audit_app = CommandGroup(
    help="Look at the recorded history.", epilog="Example: easeboard audit history CONNECTION"
)
app.add_typer(projections_app, name="projections")
app.add_typer(audit_app, name="audit")

PortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Role(StrEnum):
    """What a token lets its bearer do."""

    student = "student"
    auditor = "auditor"
    admin = "admin"


def main() -> None:
    """Run the command line; exits 0 when it worked, 1 when it failed, 2 when it was asked wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="easeboard")
    except Exception as error:  # noqa: BLE001  # the outermost frame: whatever it is, one line
        sys.exit(report_error(error))


def _print_version(requested: bool) -> None:  # noqa: FBT001  # typer calls it with the flag
    if requested:
        print(f"easeboard {version('easeboard')}")
        raise typer.Exit


def _parse_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


@app.callback()
def _global_options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None: ...


@app.command(epilog="Example: easeboard demo --once")
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop after the show.")] = False,
    port: PortOption = 8000,
    courses: Annotated[int, typer.Option(min=1, max=200, help="Courses of the student.")] = 6,
    assignments: Annotated[int, typer.Option(min=1, max=1000, help="Assignments a course.")] = 20,
) -> None:
    """Show everything at work, on a Canvas of its own.

    A student's account is connected, synchronised, changed, synchronised again and read back;
    then the service goes on for you to try. It has a database of its own and starts afresh.
    """
    from interfaces.cli.demo.run_demo import run_demo

    run_demo(once=once, port=port, courses=courses, assignments=assignments)


@app.command(epilog="Example: easeboard serve --port 8000 --roles api,projector")
def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: PortOption = 8000,
    roles: Annotated[
        str, typer.Option(help="Which of the roles this process has, comma-separated.")
    ] = "api,worker,projector,scheduler",
) -> None:
    """Run the service.

    On the embedded database the schema is brought up to date first.
    """
    requested_roles = frozenset(role.strip() for role in roles.split(",") if role.strip())
    unknown = requested_roles - {"api", "worker", "projector", "scheduler"}
    if unknown or not requested_roles:
        raise typer.BadParameter(
            f"{', '.join(sorted(unknown)) or 'nothing'} is no role: "
            "name some of api, worker, projector, scheduler.",
            param_hint="--roles",
        )
    from interfaces.cli.serve import run_service

    run_service(host=host, port=port, roles=requested_roles)


@app.command(epilog="Example: easeboard sandbox --port 9000 --students 2 --latency-ms 80")
def sandbox(
    *,
    port: PortOption = 9000,
    students: Annotated[int, typer.Option(min=1, help="How many students.")] = 1,
    courses: Annotated[int, typer.Option(min=0, help="Courses of each student.")] = 6,
    assignments: Annotated[int, typer.Option(min=0, help="Assignments a course.")] = 20,
    latency_ms: Annotated[float, typer.Option(min=0, help="How long an answer takes.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same Canvas.")] = 1,
) -> None:
    """Run a Canvas to try things on.

    The students' tokens are printed as JSON lines. For the service to connect to it, set
    CANVAS_ALLOW_PRIVATE=127.0.0.1:9000.
    """
    from infrastructure.canvas_sandbox import SandboxOptions
    from interfaces.cli.sandbox import run_sandbox

    options = SandboxOptions(
        students=students,
        courses=courses,
        assignments=assignments,
        latency_ms=latency_ms,
        seed=seed,
    )
    run_sandbox(options, port)


@app.command(
    epilog="Example: easeboard token --user 6f9619ff-8b86-4d01-b42d-00cf4fc964ff --role auditor"
)
def token(
    *,
    user: Annotated[UUID, typer.Option(help="Whose token it is.")],
    role: Annotated[Role, typer.Option(help="What it lets its bearer do.")] = Role.student,
    ttl: Annotated[int, typer.Option(min=1, help="Seconds until it expires.")] = 3600,
) -> None:
    """Print a token for development.

    It is signed with SUPABASE_JWT_SECRET, or with the embedded database's own secret.
    """
    from interfaces.cli.runtime import configure
    from interfaces.cli.token import sign_token

    print(sign_token(configure(), user, role.value, ttl))


@app.command(epilog="Example: DATABASE_URL=postgresql://me@db/easeboard easeboard migrate")
def migrate(*, json: JsonOption = False) -> None:
    """Bring the database's schema up to date."""
    from interfaces.cli.migrate import run_migrations

    run_migrations(json=json)


@app.command(epilog="Example: easeboard doctor --json")
def doctor(*, json: JsonOption = False) -> None:
    """Check whether everything is in order.

    Looks at configuration, database, migrations, clock, keys and projection lag.
    """
    from interfaces.cli.doctor import run_doctor

    run_doctor(json=json)


@projections_app.command("list", epilog="Example: easeboard projections list --json")
def list_projections(*, json: JsonOption = False) -> None:
    """Show how far each read model is."""
    from interfaces.cli.projections import show_projections

    show_projections(json=json)


@projections_app.command("rebuild", epilog="Example: easeboard projections rebuild courses grades")
def rebuild_projections(
    *,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", show_default=False)] = None,
    all_models: Annotated[bool, typer.Option("--all", help="Rebuild every read model.")] = False,
    json: JsonOption = False,
) -> None:
    """Rebuild read models from the events.

    Each is built beside the live one, which answers until the new one takes over.
    """
    if bool(names) == all_models:
        raise typer.BadParameter("name some read models, or give --all.", param_hint="NAME…")
    from interfaces.cli.projections import rebuild_read_models

    rebuild_read_models(names or [], json=json)


@audit_app.command(
    "history", epilog="Example: easeboard audit history CONNECTION --as-of 2026-09-01"
)
def audit_history(
    *,
    connection: Annotated[UUID, typer.Argument(help="The connection's id.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=_parse_time,
            metavar="TIME",
            help="Only up to this time, RFC 3339, UTC unless said.",
        ),
    ] = None,
    at_version: Annotated[
        int | None, typer.Option("--version", min=1, help="Only up to this version.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what happened to a connection.

    That you looked is recorded as well.
    """
    if as_of and at_version:
        raise typer.BadParameter("name a time or a version, not both.", param_hint="--as-of")
    from interfaces.cli.audit import show_history

    show_history(connection, as_of=as_of, version=at_version, json=json)
