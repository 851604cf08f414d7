"""Defines the command that checks a grade receipt; `receipt.py` executes it."""

from pathlib import Path
from typing import Annotated

import typer

from interfaces.cli.options import CommandGroup, JsonOption, example

receipt_app = CommandGroup(
    help="Check receipts of grades.",
    epilog=example("easeboard receipt verify grade-receipt.json --vkey vkey"),
)


@receipt_app.callback()
def _group() -> None: ...


@receipt_app.command(
    "verify", epilog=example("easeboard receipt verify grade-receipt.json --vkey vkey")
)
def receipt_verify(
    *,
    file: Annotated[Path, typer.Argument(help="The receipt, for example grade-receipt.json.")],
    vkey: Annotated[
        list[str] | None,
        typer.Option(
            "--vkey",
            metavar="VKEY|FILE",
            help="A verifier key that you trust, of the log or of a witness, or a file with one in "
            "each line, for example log.vkey. The school publishes that of its log at "
            "GET /api/v1/audit/key and in SEAL_DIR/vkey.",
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="A C2SP tlog-policy file with logs and witnesses that you trust, such as the "
            "SEAL_WITNESSES of the school, for example log.policy."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check a receipt of a grade, offline.

    Without --vkey and --policy the keys in the receipt are used. This shows only that the file
    agrees with itself. Exits with 1 if the receipt is not valid.
    """
    # Imported here, which keeps --help fast.
    from interfaces.cli.receipt import show_receipt  # noqa: PLC0415

    show_receipt(file, vkey or [], policy, json=json)
