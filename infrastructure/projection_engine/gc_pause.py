"""Spares a batch the cycle collector: it has no cycles, and to walk it costs as much as it does."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pause_gc() -> Iterator[None]:
    """Collect no cycles meanwhile, anywhere in the process; for a moment at a time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
