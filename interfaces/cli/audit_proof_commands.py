"""Defines `easeboard audit export` and `easeboard audit verify` with their options."""

from pathlib import Path
from typing import Annotated

import typer

from interfaces.cli.audit_commands import ConnectionArgument
from interfaces.cli.options import EXAMPLE_ID, CommandGroup, JsonOption, PurposeOption, example

proofs_app = CommandGroup()
PUBLISHED_NAMES = ("checkpoint", "tile")
"""Of them, a directory of seals has at least one."""

OutOption = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="FILE",
        dir_okay=False,
        allow_dash=True,
        help="File to write, for example ada.ndjson; - for standard output.",
    ),
]
FileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        exists=True,
        dir_okay=False,
        help="An export, for example ada.ndjson; it is verified without a database. Without it, "
        "the log in the database is verified.",
    ),
]
VkeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--vkey",
        metavar="VKEY|FILE",
        help="Trust only this public key of the log (a C2SP vkey), or those in this file, for "
        "example seals/vkey.",
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="Trust the logs and the witnesses of this C2SP policy, for example audit.policy; "
        "enough of its witnesses must have signed.",
    ),
]
SinceOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="A signed checkpoint that you have kept, for example kept/checkpoint: verify that the "
        "log continues it, and read only what came after.",
    ),
]
SealDirOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        metavar="DIR",
        help="Compare with this copy of the published files instead of SEAL_DIR, for example "
        "copy/seals.",
    ),
]


@proofs_app.command(
    "export",
    epilog=example(
        f'easeboard audit export {EXAMPLE_ID} --out ada.ndjson --purpose "complaint 4711"'
    ),
)
def audit_export(
    *, connection: ConnectionArgument, out: OutOption, purpose: PurposeOption = ""
) -> None:
    """Write all events of a connection, with proofs, to a file.

    The file has a JSON object on each line. easeboard audit verify checks it, and so do
    other programs of C2SP. This read is recorded as an event first.
    """
    # Imported here, which keeps --help fast.
    from interfaces.cli.audit_export import export_history  # noqa: PLC0415

    export_history(connection, out, purpose)


@proofs_app.command("verify", epilog=example("easeboard audit verify ada.ndjson --vkey seals/vkey"))
def audit_verify(
    *,
    file: FileArgument = None,
    vkey: VkeyOption = None,
    policy: PolicyOption = None,
    since: SinceOption = None,
    seal_dir: SealDirOption = None,
    json: JsonOption = False,
) -> None:
    """Verify the log in the database, or an export without a database.

    Prints the position of each difference. Exits with 1 if there is one.
    """
    if file and (since or seal_dir):
        raise typer.BadParameter(
            "an export has one checkpoint and no published files; leave it out, or leave out FILE.",
            param_hint="--since" if since else "--seal-dir",
        )
    if seal_dir and not any((seal_dir / name).exists() for name in PUBLISHED_NAMES):
        raise typer.BadParameter(
            f"{seal_dir} has neither a checkpoint nor tiles: give the directory that SEAL_DIR "
            "names, or a copy of it.",
            param_hint="--seal-dir",
        )
    # Imported here, which keeps --help fast.
    from interfaces.cli.audit_verify import (  # noqa: PLC0415
        TrustedKeys,
        verify_database,
        verify_file,
    )

    trusted = TrustedKeys.read(vkey or (), policy)
    if file:
        verify_file(file, trusted, json=json)
    else:
        verify_database(trusted, since=since, seal_dir=seal_dir, json=json)
