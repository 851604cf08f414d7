"""How far the instruments of this process stand: they go on counting from test to test."""

from collections.abc import Callable

from infrastructure.observability.instruments import PROCESS_REGISTRY


def metric_delta(name: str, **labels: str) -> Callable[[], float]:
    """By how much a sample moves from now on."""
    before = PROCESS_REGISTRY.get_sample_value(name, labels) or 0.0
    return lambda: (PROCESS_REGISTRY.get_sample_value(name, labels) or 0.0) - before
