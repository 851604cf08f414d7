"""One log on standard error, as JSON or for a terminal, in which no secret stands."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"
SECRET_KEY = re.compile(
    r"authorization|token$|secret|password|cookie|encryption_key", re.IGNORECASE
)
SECRET = re.compile(
    r"""
      \beyJ[\w-]+\.[\w-]+\.[\w-]*          # a JWT
    | \b\d+~[A-Za-z0-9]{20,}               # a Canvas token
    | (?<=bearer\ )\S+                     # whatever follows Bearer
    | (?<=token=)[^&\s'"]+                 # a token in a query
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)      # an account in an address
    """,
    re.VERBOSE | re.IGNORECASE,
)
QUIET = ("procrastinate", "apscheduler", "psycopg", "psycopg.pool", "uvicorn", "aiohttp", "asyncio")


def configure_logs(level: str, form: str | None = None) -> None:
    """Log from `level` up, as `json` or for a `console`; by default whichever can read it."""
    form = form or ("console" if sys.stderr.isatty() else "json")
    shared = _shared()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[*_rendering(form)]
        )
    )
    logging.basicConfig(handlers=[out], level=level.upper(), force=True)
    logging.captureWarnings(True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take every secret out of a log line, by its key or by its looks."""
    return {key: redacted(key, value) for key, value in event.items()}


def redacted(key: str, value: Any) -> Any:
    """A value without the secrets in it."""
    if SECRET_KEY.search(key) and value is not None:
        return REDACTED
    match value:
        case Mapping():
            return {name: redacted(str(name), inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redacted("", inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return SECRET.sub(REDACTED, str(value))


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


def _rendering(form: str) -> list[Processor]:
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if form == "console"
        else structlog.processors.JSONRenderer()
    )
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
        renderer,
    ]
