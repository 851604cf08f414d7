"""Defines the command `easeboard witness` with its options."""

# ruff: noqa: PLC0415  # a command imports its module when it runs, which keeps --help fast

from pathlib import Path
from typing import Annotated

import typer

from interfaces.cli.options import CommandGroup, JsonOption, PortOption, example

EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

LogOption = Annotated[
    list[str],
    typer.Option(
        metavar="VKEY",
        help="Verifier key of a log whose checkpoints are signed; may be repeated, "
        f"for example {EXAMPLE_VKEY}.",
    ),
]
KeyOption = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        help="File with the private key, made on the first start; the state is beside it, "
        "for example witness.key.",
    ),
]

witness_app = CommandGroup()


@witness_app.command(
    epilog=example('easeboard witness --log "$(cat seals/vkey)" --key witness.key --port 8090')
)
def witness(
    *,
    log: LogOption,
    more_logs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VKEY]...", help="More logs, for example the next vkey."),
    ] = None,
    key: KeyOption,
    host: Annotated[
        str,
        typer.Option(help="IP address to listen on, for example 0.0.0.0 for all IPv4 addresses."),
    ] = "127.0.0.1",
    port: PortOption = 8090,
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of a new witness in its signatures, for example witness.school.edu/w1."
        ),
    ] = None,
    ml_dsa: Annotated[
        bool,
        typer.Option("--ml-dsa", help="Sign with ML-DSA-44 too, which resists quantum computers."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Serve as a witness (C2SP tlog-witness) for the histories of one or more services.

    A witness signs a checkpoint of a log only if it continues the last one that it has signed. So a
    history that is replaced later is found, even if its operator replaces every copy and signs
    again. It needs no database and no settings. Prints its own vkey and its address.
    """
    from interfaces.cli.witness import WitnessOptions, run_witness

    run_witness(WitnessOptions([*log, *(more_logs or ())], key, host, port, name, ml_dsa, json))
