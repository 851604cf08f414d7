"""`easeboard witness`: serves the C2SP witness protocol until it is stopped."""

import asyncio
import re
import signal
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from infrastructure.observability.logging import configure_logging
from infrastructure.seals.policy_file import LOG_KINDS
from infrastructure.seals.signatures import KeyMalformed, VerifierKey, parse_vkey
from infrastructure.seals.witness.cosigner import Cosigner
from infrastructure.seals.witness.witness_files import WitnessFiles, open_witness_files
from interfaces.cli.output import print_json, print_line
from interfaces.cli.runtime import run
from interfaces.http.server.client_connections import ClientConnections
from interfaces.http.server.listener import Listener, listen, url_of
from interfaces.http.server.uvicorn_server import serve_until_cancelled
from interfaces.witness.witness_app import create_witness_app

MAX_CONNECTIONS = 256
GRACE_SECONDS = 5
MAX_NAME_BYTES = 255
"""The longest name that a signature of ML-DSA-44 can have in it."""


class WitnessOptions(NamedTuple):
    """The options of the command."""

    logs: Sequence[str]
    key_file: Path
    host: str
    port: int
    name: str | None
    with_ml_dsa: bool
    json: bool


def run_witness(options: WitnessOptions) -> None:
    """Print the keys and the address, then serve until SIGTERM or SIGINT.

    Raises: WitnessKeyUnusable; StateUnusable; PortUnavailable.
    """
    logs = parse_logs(options.logs)
    _require_name(options.name)
    configure_logging("info")
    with (
        open_witness_files(
            options.key_file.absolute(),
            default_name=f"{_host_name()}/easeboard-witness",
            name=options.name,
            with_ml_dsa=options.with_ml_dsa,
        ) as files,
        listen(options.host, options.port) as listener,
    ):
        _print(files, url_of(listener), json=options.json)
        run(_serve(Cosigner(logs, files.keys, files.state), listener))


def parse_logs(texts: Iterable[str]) -> list[VerifierKey]:
    """Return the keys of logs; each text may be the content of a `vkey` file with several lines.

    Raises: BadParameter, which typer prints.
    """
    try:
        keys = [parse_vkey(word) for text in texts for word in text.split()]
    except KeyMalformed as error:
        raise typer.BadParameter(f"{error}.", param_hint="--log") from None
    if not keys:
        raise typer.BadParameter("name at least one log by its vkey.", param_hint="--log")
    for key in keys:
        if key.kind not in LOG_KINDS:
            raise typer.BadParameter(
                f"{key.name} is the key of a witness; a log has another one.", param_hint="--log"
            )
        _require_name(key.name)
    return list(dict.fromkeys(keys))


async def _serve(cosigner: Cosigner, listener: Listener) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    clients = ClientConnections(MAX_CONNECTIONS)
    serving = asyncio.create_task(
        serve_until_cancelled(
            create_witness_app(cosigner), listener, clients, GRACE_SECONDS, asyncio.Event()
        )
    )
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    serving.cancel()
    await asyncio.wait({serving})
    if not serving.cancelled():
        serving.result()


def _print(files: WitnessFiles, url: str, *, json: bool) -> None:
    vkeys = [str(key.verifier) for key in files.keys]
    if json:
        print_json({"name": files.name, "vkeys": vkeys, "url": url})
        return
    for vkey in vkeys:
        print_line(vkey)
    print_line(f"The witness {files.name} serves at {url} until it is stopped.")
    print_line("A policy file names it with:")
    for number, vkey in enumerate(vkeys, start=1):
        print_line(f"witness {_policy_name(files.name, number)} {vkey} {url}")


def _policy_name(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _require_name(name: str | None) -> None:
    if name is None:
        return
    if not re.fullmatch(r"[^\s+]+", name) or len(name.encode()) > MAX_NAME_BYTES:
        raise typer.BadParameter(
            f"a name has no blanks and no `+`, and at most {MAX_NAME_BYTES} bytes; for example "
            "witness.school.edu/w1.",
            param_hint="--name",
        )


def _host_name() -> str:
    return re.sub(r"[\s+]", "-", socket.gethostname())[:100] or "localhost"
