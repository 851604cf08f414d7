"""`easeboard sandbox`: runs a Canvas with generated students until it is stopped."""

import asyncio
import signal

from infrastructure.canvas_sandbox import SandboxOptions, running_sandbox
from interfaces.cli.output import print_json
from interfaces.cli.runtime import run
from interfaces.http.server.listener import build_port_error


def run_sandbox(options: SandboxOptions, port: int) -> None:
    """Print one line of JSON for each student, then serve until SIGTERM or SIGINT.

    Raises: PortUnavailable if the port cannot be opened.
    """
    run(_serve(options, port))


async def _serve(options: SandboxOptions, port: int) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    try:
        async with running_sandbox(options, port=port) as sandbox:
            for student in sandbox.tokens:
                print_json({"canvas_url": sandbox.url, **student})
            await stop.wait()
    except OSError as error:
        raise build_port_error("127.0.0.1", port, error) from error
