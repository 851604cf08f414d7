"""A sandbox in a process of its own, so that its CPU time is not measured."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from infrastructure.canvas_sandbox import SandboxOptions, serve


class SandboxTarget(NamedTuple):
    """A running sandbox, with a token of each student."""

    url: str
    tokens: list[str]
    options: SandboxOptions

    @property
    def token(self) -> str:
        """The token of the first student."""
        return self.tokens[0]

    def control(self, operation: str, **arguments: Any) -> Any:
        """Execute a control operation of the sandbox, and return its result."""
        body = json.dumps(arguments).encode()
        request = Request(f"{self.url}/sandbox/{operation}", data=body)  # noqa: S310  loopback
        with urlopen(request) as response:  # noqa: S310  loopback
            return json.load(response)["result"]


@contextmanager
def running_sandbox_process(options: SandboxOptions) -> Iterator[SandboxTarget]:
    """Run a sandbox in a new process until the block ends."""
    context = get_context("spawn")
    receiver, sender = context.Pipe()
    process = context.Process(target=_serve, args=(options, sender), daemon=True)
    process.start()
    try:
        url, tokens = receiver.recv()
        yield SandboxTarget(url, tokens, options)
    finally:
        process.terminate()
        process.join()


def _serve(options: SandboxOptions, pipe: Connection) -> None:
    asyncio.run(
        serve(
            options,
            on_ready=lambda ready: pipe.send((ready.url, [each["token"] for each in ready.tokens])),
        )
    )
