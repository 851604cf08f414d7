"""How far the instruments of this process stand: they go on counting from test to test."""

from collections.abc import Callable

from infrastructure.observability.instruments import PROCESS


def counted(name: str, **labels: str) -> Callable[[], float]:
    """By how much a sample moves from now on."""
    before = PROCESS.get_sample_value(name, labels) or 0.0
    return lambda: (PROCESS.get_sample_value(name, labels) or 0.0) - before
