"""Processes beside the service: they attack, observe or read, and do not share its event loop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from tests.deadlines import scaled

SECONDS_TO_START, SECONDS_TO_END = scaled(120.0), scaled(60.0)
SPAWN = get_context("spawn")


class Phase(IntEnum):
    """What happens now, the same for all processes of a measurement."""

    STARTING = 0
    CALM = 1
    ATTACK = 2
    AFTER = 3
    ENDED = 4


class Signals:
    """The phase, which all processes read, and messages of one process that it is ready."""

    def __init__(self, phase: "Synchronized[int]", pipe: Connection) -> None:
        self._phase, self._pipe = phase, pipe

    @property
    def phase(self) -> Phase:
        """The phase of now."""
        return Phase(self._phase.value)

    def send(self, message: Any = None) -> None:
        """Send what the process that plays the attack waits for: by default, that this is ready."""
        self._pipe.send(message)


class PhaseClock:
    """The phase of a measurement; the process that plays an attack sets it."""

    def __init__(self) -> None:
        self.value: Synchronized[int] = SPAWN.Value("i", Phase.STARTING)

    def enter(self, phase: Phase) -> None:
        """Begin a phase in all processes."""
        self.value.value = phase


class MeasuredProcess:
    """A process that executes one function, and its result."""

    def __init__(self, process: SpawnProcess, pipe: Connection) -> None:
        self._process, self._pipe = process, pipe

    def wait_until_ready(self) -> None:
        """Wait until the function has sent that it is ready."""
        self._receive(SECONDS_TO_START)

    def result(self) -> Any:
        """Wait for what the function sends or returns next."""
        return self._receive(SECONDS_TO_END)

    def _receive(self, seconds: float) -> Any:
        if not self._pipe.poll(seconds):
            raise AssertionError(f"{self._process.name} has sent nothing for {seconds:.0f} s.")
        try:
            return self._pipe.recv()
        except EOFError:
            raise AssertionError(f"{self._process.name} has failed; see its traceback.") from None


@contextmanager
def measured_process(
    function: Callable[..., Any], *arguments: Any, clock: PhaseClock
) -> Iterator[MeasuredProcess]:
    """Execute `function(*arguments, signals)` in a new process; the end of the block kills it."""
    receiver, sender = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(
        target=_execute,
        args=(function, arguments, clock.value, sender),
        name=function.__name__,
        daemon=True,
    )
    process.start()
    sender.close()
    try:
        yield MeasuredProcess(process, receiver)
    finally:
        process.kill()
        process.join()


def _execute(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    phase: "Synchronized[int]",
    pipe: Connection,
) -> None:
    pipe.send(function(*arguments, Signals(phase, pipe)))
