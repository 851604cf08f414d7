"""By how much a metric changes in a test; the instruments of a process count over all tests."""

from collections.abc import Callable

from infrastructure.observability.instruments import PROCESS_REGISTRY


def metric_delta(name: str, **labels: str) -> Callable[[], float]:
    """Return a function that returns the increase of a sample since now."""
    before = PROCESS_REGISTRY.get_sample_value(name, labels) or 0.0
    return lambda: (PROCESS_REGISTRY.get_sample_value(name, labels) or 0.0) - before
