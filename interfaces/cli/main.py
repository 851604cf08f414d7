"""Defines every command with its options and an example; a module for each one executes it."""

# ruff: noqa: PLC0415  # a command imports its module when it runs, which keeps --help fast

import os
import re
import sys
from importlib.metadata import version
from io import TextIOWrapper
from itertools import takewhile
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from infrastructure.observability.visible_text import visible_text
from interfaces.cli.audit_commands import audit_app
from interfaces.cli.audit_proof_commands import proofs_app
from interfaces.cli.audit_view_commands import views_app
from interfaces.cli.demo_option import selected_demo
from interfaces.cli.errors import report_error
from interfaces.cli.keys_commands import keys_app
from interfaces.cli.operator_commands import operator_app
from interfaces.cli.options import (
    EXAMPLE_ID,
    CommandGroup,
    JsonOption,
    PortOption,
    Role,
    example,
    require_user_id,
)
from interfaces.cli.projection_commands import projections_app
from interfaces.cli.readings_command import readings_app
from interfaces.cli.receipt_commands import receipt_app
from interfaces.cli.witness_commands import witness_app

MAX_TTL_SECONDS = 365 * 24 * 3600
"""Seconds for which a development token can be valid: it cannot be revoked."""

app = CommandGroup(
    help="Synchronises students' Canvas courses, assignments and grades.",
    epilog=example("easeboard demo"),
    pretty_exceptions_enable=False,
)
audit_app.add_typer(readings_app)
audit_app.add_typer(views_app)
audit_app.add_typer(proofs_app)
app.add_typer(projections_app, name="projections")
app.add_typer(audit_app, name="audit")
app.add_typer(keys_app, name="keys")
app.add_typer(receipt_app, name="receipt")
app.add_typer(operator_app)
app.add_typer(witness_app)


def main() -> None:
    """Run the command line.

    Exits with 0 if the command succeeded, 1 if it failed, and 2 if its arguments were wrong.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    arguments = _visible_arguments(sys.argv[1:])
    try:
        app(arguments, prog_name="easeboard")
    except Exception as error:  # noqa: BLE001  # the outermost frame: every error becomes one line
        sys.exit(report_error(error))


def _visible_arguments(arguments: list[str]) -> list[str]:
    """Return the arguments with each line end as a blank.

    Exits with 2 if one has another invisible character: typer prints arguments that are wrong, and
    some are recorded: neither may hide anything. A file of keys has several lines. What stands
    behind `with-database` is for another program, such as a query for psql, and stays as it is.
    """
    own = list(takewhile(lambda each: each != "with-database", arguments))
    lines = [re.sub(r"[\r\n]+", " ", each.strip("\r\n")) for each in own]
    for argument, shown in zip(lines, map(visible_text, lines), strict=True):
        if shown != argument:
            from interfaces.cli.output import print_error

            print_error(f"easeboard: An argument has an invisible character: {shown}")
            sys.exit(2)
    return lines + arguments[len(own) :]


def _open_closed_streams() -> None:
    """Open the null device in the place of each standard stream that the caller has closed.

    Otherwise the next file or socket gets its number, and what is printed would go there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _print_version(requested: bool) -> None:  # noqa: FBT001  # typer calls it with the flag
    if requested:
        from interfaces.cli.output import print_line

        print_line(f"easeboard {version('easeboard')}")
        raise typer.Exit


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


@app.command(epilog=example("easeboard demo --once --courses 12"))
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Exit when the demonstration is finished.")
    ] = False,
    port: PortOption = 8000,
    courses: Annotated[
        int, typer.Option(min=1, max=200, help="Courses of the student, for example 12.")
    ] = 6,
    assignments: Annotated[
        int, typer.Option(min=1, max=1000, help="Assignments in each course, for example 50.")
    ] = 20,
) -> None:
    """Demonstrate the service with a Canvas sandbox.

    Connects a generated student, synchronises the account, changes grades in the sandbox,
    synchronises again and prints what changed. Then the service runs until Ctrl-C. Each
    demonstration uses a new database, which is dropped at the end.
    """
    from interfaces.cli.demo.run_demo import run_demo

    run_demo(once=once, port=port, courses=courses, assignments=assignments)


@app.command(epilog=example("easeboard serve --host 0.0.0.0 --port 8080 --roles api,projector"))
def serve(
    *,
    host: Annotated[
        str,
        typer.Option(help="IP address to listen on, for example 0.0.0.0 for all IPv4 addresses."),
    ] = "127.0.0.1",
    port: PortOption = 8000,
    roles: Annotated[
        str,
        typer.Option(help="Roles of this process, separated by commas, for example api,projector."),
    ] = "api,worker,projector,scheduler",
) -> None:
    """Run the service.

    The embedded database is migrated first. The database of DATABASE_URL must have been migrated
    with easeboard migrate.
    """
    requested_roles = frozenset(role.strip() for role in roles.split(",") if role.strip())
    unknown = requested_roles - {"api", "worker", "projector", "scheduler"}
    if unknown or not requested_roles:
        problem = f"unknown role: {', '.join(sorted(unknown))}" if unknown else "no role is given"
        raise typer.BadParameter(
            f"{problem}. Use one or more of api, worker, projector, scheduler.",
            param_hint="--roles",
        )
    from interfaces.cli.serve import run_service

    run_service(host=host, port=port, roles=requested_roles)


@app.command(epilog=example("easeboard sandbox --port 9000 --students 2 --latency-ms 80"))
def sandbox(
    *,
    port: PortOption = 9000,
    students: Annotated[int, typer.Option(min=1, help="Number of students, for example 2.")] = 1,
    courses: Annotated[
        int, typer.Option(min=0, help="Courses of each student, for example 12.")
    ] = 6,
    assignments: Annotated[
        int, typer.Option(min=0, help="Assignments in each course, for example 50.")
    ] = 20,
    latency_ms: Annotated[
        float,
        typer.Option(min=0, help="Delay of each response in milliseconds, for example 80."),
    ] = 0,
    seed: Annotated[
        int,
        typer.Option(
            help="Seed of the generated data, for example 7; the same seed gives the same data."
        ),
    ] = 1,
) -> None:
    """Run a Canvas with generated students.

    Prints one line of JSON for each student, with the address and a Canvas token. Start the
    service with CANVAS_ALLOW_PRIVATE=127.0.0.1:9000 to allow connections to the sandbox.
    """
    from infrastructure.canvas_sandbox import SandboxOptions
    from interfaces.cli.sandbox import run_sandbox

    options = SandboxOptions(
        students=students,
        courses=courses,
        assignments=assignments,
        latency_ms=latency_ms,
        seed=seed,
        links_to_itself=True,
    )
    run_sandbox(options, port)


@app.command(epilog=example(f"easeboard token --user {EXAMPLE_ID} --role auditor --ttl 86400"))
def token(
    *,
    user: Annotated[
        UUID | None,
        typer.Option(
            callback=require_user_id,
            show_default=False,
            help=f"Id of the user, for example {EXAMPLE_ID}; with --demo the user of the role.",
        ),
    ] = None,
    role: Annotated[
        Role, typer.Option(help="Role of the user, for example auditor.")
    ] = Role.student,
    ttl: Annotated[
        int,
        typer.Option(
            min=1,
            max=MAX_TTL_SECONDS,
            help="Seconds until the token expires, for example 86400; at most a year.",
        ),
    ] = 3600,
) -> None:
    """Print a bearer token for development.

    It is signed with SUPABASE_JWT_SECRET. If that is not set and the embedded database is used, it
    is signed with a secret that is generated in EASEBOARD_HOME.
    """
    demo = selected_demo()
    subject = user or (demo.users[role.value] if demo else None)
    if subject is None:
        raise typer.BadParameter("it is required without --demo.", param_hint="--user")
    from interfaces.cli.output import print_line
    from interfaces.cli.runtime import configure
    from interfaces.cli.token import sign_token

    print_line(sign_token(configure(), subject, role.value, ttl))


@app.command(epilog=example("DATABASE_URL=postgresql://me@db/easeboard easeboard migrate"))
def migrate(*, json: JsonOption = False) -> None:
    """Apply the missing migrations to the database."""
    from interfaces.cli.migrate import run_migrations

    run_migrations(json=json)


@app.command(epilog=example("easeboard doctor --json"))
def doctor(*, json: JsonOption = False) -> None:
    """Check the installation.

    Checks configuration, database, clock, migrations, master keys, read models, roles and Canvas
    hosts. Each problem names the setting or the command that corrects it.
    """
    from interfaces.cli.doctor.run_doctor import run_doctor

    run_doctor(json=json)
