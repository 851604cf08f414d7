"""Gives a stopped database half a minute to respond in tests that are not about waiting."""

from functools import partial

import pytest

from infrastructure.event_store import store
from infrastructure.event_store.turns import Turns
from infrastructure.postgres import conninfo, pools, retry, threads
from infrastructure.queue import sync_queue

LONG_WAIT_SECONDS = 30
ORDINARY_WAITS = "ordinary_waits"
"""The marker of tests that check how long the product waits."""


def lengthen_waits(patch: pytest.MonkeyPatch) -> None:
    """Lengthen each wait after which a request or a command counts as failed.

    They are 1 to 10 s. A machine that runs other things too can stop PostgreSQL for longer.
    """
    for module, name in (
        (conninfo, "_CONNECT_TIMEOUT_SECONDS"),
        (pools, "POOL_WAIT_SECONDS"),
        (retry, "CONNECTION_WAIT_SECONDS"),
        (retry, "STATEMENT_RETRY_SECONDS"),
        (store, "CONFLICT_RETRY_SECONDS"),
        (sync_queue, "POOL_WAIT_SECONDS"),
        (threads, "THREAD_WAIT_SECONDS"),
    ):
        patch.setattr(module, name, LONG_WAIT_SECONDS)
    patch.setattr(store, "retry_conflicts", retry.conflict_retries(LONG_WAIT_SECONDS))
    patch.setattr(store, "Turns", partial(Turns, wait_seconds=LONG_WAIT_SECONDS))
