"""The retry policies for work at the database.

Only this module uses stamina, so that the hooks of stamina are off everywhere.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

import stamina
from psycopg.errors import DeadlockDetected, ReadOnlySqlTransaction
from psycopg_pool import PoolClosed
from stamina.instrumentation import set_on_retry_hooks

from domain.backoff import Backoff
from domain.errors import VersionConflict
from infrastructure.postgres.errors import (
    BUSY_ERRORS,
    DRIVER_ERRORS,
    ConnectionLost,
    DatabaseBusy,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DatabaseUnreachable,
    NoConnection,
    is_transient,
)
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.session_replacement import replace_sessions
from infrastructure.postgres.timeouts import TimedConnection

R = TypeVar("R")

CONNECTION_WAIT_SECONDS = 1.2
"""Seconds to wait for a free connection."""

STATEMENT_RETRY_SECONDS = 1.8
"""Seconds from the first attempt, in which work is retried after its connection broke."""

STATEMENT_TIMEOUT_SECONDS = 5.0
"""Seconds without a response of the server after which a connection counts as lost."""

MIN_RETRY_PAUSE_SECONDS = 0.01
MAX_RETRY_PAUSE_SECONDS = 0.1

CONFLICT_RETRY_SECONDS = 5.0
"""Seconds from the first attempt, in which a decision is repeated after conflicts."""

MAX_CONFLICT_PAUSE_SECONDS = 0.05

# The hooks would log error texts and add metrics that are not documented.
set_on_retry_hooks(())


def conflict_retries(seconds: float) -> stamina.BoundAsyncRetryingCaller:
    """Return what calls an async function again after a VersionConflict, for so many seconds."""
    return stamina.AsyncRetryingCaller(
        attempts=None,
        timeout=seconds,
        wait_initial=0,
        wait_jitter=MAX_CONFLICT_PAUSE_SECONDS,
        wait_max=MAX_CONFLICT_PAUSE_SECONDS,
    ).on(VersionConflict)


retry_conflicts = conflict_retries(CONFLICT_RETRY_SECONDS)


class RetryDelays:
    """The delays of a loop that retries until it is stopped; they grow with failures in a row."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._failures = 0

    def next_delay(self) -> float:
        """Count one more failure, and return the seconds to wait after it."""
        self._failures += 1
        return self._backoff.delay_seconds(self._failures, random.random())  # noqa: S311  # jitter, no secret

    def reset(self) -> None:
        """Start again with the shortest delay, after a success."""
        self._failures = 0


def with_retry(
    pool: WritePool,
    work: Callable[[TimedConnection], R],
    *,
    timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
) -> R:
    """Run `work` on a connection of the pool, and again on another one if the connection breaks.

    `work` may be repeated after it took effect, so a repetition must do no harm. The
    first attempt is made without stamina, which would add 15 µs to each statement and append.

    Raises:
        DatabaseBusy: If no connection becomes free in time.
        DatabaseUnavailable: If the database cannot be reached or does not respond in time.
    """
    deadline = monotonic() + STATEMENT_RETRY_SECONDS
    try:
        return _run_once(pool, work, timeout_seconds)
    except ConnectionLost as error:
        first_failure = error
    return _run_again(pool, work, timeout_seconds, first_failure, deadline)


def retry_transient_errors(work: Callable[[], R], *, attempts: int, backoff: Backoff) -> R:
    """Call `work` up to `attempts` times, again after transient errors; blocks this thread."""
    delays = RetryDelays(backoff)

    def delay_after(error: Exception) -> float | bool:
        return is_transient(error) and delays.next_delay()

    return stamina.RetryingCaller(attempts=attempts, timeout=None)(delay_after, work)


def _run_again(
    pool: WritePool,
    work: Callable[[TimedConnection], R],
    timeout_seconds: float,
    failure: ConnectionLost,
    deadline: float,
) -> R:
    """Retry until the deadline; attempt 1 is the one that has failed already."""
    for attempt in stamina.retry_context(
        ConnectionLost,
        attempts=None,
        # No attempt begins after the deadline, even after the longest pause.
        timeout=deadline - MAX_RETRY_PAUSE_SECONDS - monotonic(),
        wait_initial=MIN_RETRY_PAUSE_SECONDS,
        wait_jitter=MAX_RETRY_PAUSE_SECONDS - MIN_RETRY_PAUSE_SECONDS,
        wait_max=MAX_RETRY_PAUSE_SECONDS,
        wait_exp_base=1,
    ):
        with attempt:
            if attempt.num == 1:
                raise failure
            try:
                return _run_once(pool, work, timeout_seconds)
            except ConnectionLost as error:
                failure = error
                raise
            except (DatabaseBusy, DatabaseUnreachable):
                # The pool is empty because its connections broke: report that.
                raise failure from failure.__cause__
    raise failure


def _run_once(pool: WritePool, work: Callable[[TimedConnection], R], timeout_seconds: float) -> R:
    try:
        with (
            pool.connection(timeout=CONNECTION_WAIT_SECONDS) as connection,
            _translate_errors(pool, connection),
        ):
            connection.response_timeout_seconds = timeout_seconds
            return work(connection)
    except NoConnection as error:
        raise DatabaseUnreachable(str(error)) from error
    except BUSY_ERRORS as error:
        raise DatabaseBusy(str(error)) from error
    except PoolClosed as error:
        raise DatabaseUnavailable(str(error)) from error


@contextmanager
def _translate_errors(pool: WritePool, connection: TimedConnection) -> Iterator[None]:
    try:
        yield
    except DeadlockDetected:
        raise
    except ReadOnlySqlTransaction as error:
        replace_sessions(pool)
        raise DatabaseReadOnly(str(error)) from error
    except DRIVER_ERRORS as error:
        is_lost = connection.closed
        raise (ConnectionLost if is_lost else DatabaseUnavailable)(str(error)) from error
