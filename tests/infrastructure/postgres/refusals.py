"""Waits for the error of a server that refuses connections, however late it refuses."""

from collections.abc import Callable

from infrastructure.postgres.errors import DatabaseBusy, DatabaseUnreachable

MAX_ATTEMPTS = 20
"""A pool waits one or two seconds in each; an idle machine needs one attempt."""


def until_unreachable(work: Callable[[], object]) -> DatabaseUnreachable:
    """Repeat `work` until the refusal of the server is known, and return its error."""
    for _ in range(MAX_ATTEMPTS):
        try:
            work()
        except DatabaseUnreachable as error:
            return error
        except DatabaseBusy:
            continue
        raise AssertionError("the server has accepted a connection")
    raise AssertionError("the server has not refused a connection")
