"""Writes log messages whose fields are known, with one encoder, in order with all other messages.

`structlog` takes a tenth of a millisecond for a message. That is more than a read needs, so the
message of each request is written here.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
from structlog.contextvars import get_contextvars

from infrastructure.observability.redaction import redact_id, redact_value

ID_KEYS = frozenset({"request_id", "trace_id", "span_id"})
"""Keys of the context whose values have hexadecimal digits only, unless a client chose them."""


class JsonLineHandler(logging.StreamHandler[TextIO]):
    """A handler that formats records as JSON, and writes lines that are JSON already."""

    def write_line(self, line: str) -> None:
        """Write a line between those of other threads; an error is handled as one of a record."""
        self.acquire()
        try:
            self.stream.write(line)
            self.stream.flush()
        except (OSError, ValueError):
            self.handleError(logging.makeLogRecord({"msg": line}))
        finally:
            self.release()


def json_line_handler() -> JsonLineHandler | None:
    """Return the handler that writes all messages of this process as JSON, or None without one."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, JsonLineHandler):
            return handler
    return None


def encode_line(event: str, level: str, logger: str, fields: Mapping[str, Any]) -> str | None:
    """Return a log message as a line; None if it has characters that a terminal may obey.

    The caller has redacted `fields`. The context of the log, such as the id of the request, is
    added and redacted here.
    """
    context = {
        key: redact_id(value) if key in ID_KEYS else redact_value(key, value)
        for key, value in get_contextvars().items()
    }
    at = datetime.now(UTC)
    message = {**fields, "event": event, **context, "level": level, "logger": logger, "at": at}
    line = orjson.dumps(message, option=orjson.OPT_UTC_Z).decode()
    return f"{line}\n" if line.isascii() and line.isprintable() else None
