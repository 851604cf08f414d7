"""Limits the log messages of uvicorn about what clients send wrongly."""

import logging
import time
from collections.abc import Callable

from infrastructure.rate_limiting.token_bucket import TokenBucket

CLIENT_ERRORS = (
    "Invalid HTTP request received.",
    "Unsupported upgrade request.",
    "Invalid UTF-8 sequence received from client.",
    "opening handshake failed",
)
"""Messages that any client can cause as often as it likes; websockets writes the last one."""
MESSAGES_AT_ONCE, SECONDS_PER_MESSAGE = 10, 10.0
"""Messages that are logged at once, and the seconds until there is one more."""


class ClientErrorFilter(logging.Filter):
    """Drops most of these messages, and the tracebacks of the rest.

    `now` returns seconds of a monotonic clock.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._messages = TokenBucket(MESSAGES_AT_ONCE, SECONDS_PER_MESSAGE, now=now)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a message is logged."""
        if record.msg not in CLIENT_ERRORS:
            return True
        record.exc_info = record.exc_text = None
        return self._messages.take()


CLIENT_ERROR_FILTER = ClientErrorFilter()
"""The filter of this process, so that each server adds the same one."""
