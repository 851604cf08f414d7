"""Writes log messages to standard error, as JSON or for a terminal, with secrets redacted."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"
SECRET_KEY_PATTERN = re.compile(
    r"authorization|token$|secret|password|cookie|encryption_key", re.IGNORECASE
)
SECRET_PATTERN = re.compile(
    r"""
      \beyJ[\w-]+\.[\w-]+\.[\w-]*          # a JWT
    | \b\d+~[A-Za-z0-9]{20,}               # a Canvas token
    | (?<=bearer\ )\S+                     # the token after Bearer
    | (?<=token=)[^&\s'"]+                 # a token in a query
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)      # user and password in a URL
    | (?<=/calendar/)(?!\{secret\})(?:     # the secret in the path of a calendar, or all after it
        [^\s'"]+?(?=\.ics(?:[\s'"?]|$)) | [^\s'"]+
      )
    | (?<![\w-])(?=[\w-]*(?-i:[A-Z]))(?=[\w-]*(?-i:[a-z]))
      [\w-]{42}(?-i:[AEIMQUYcgkosw048])(?![\w=-])  # such a secret elsewhere: 32 bytes in base64url
    """,
    re.VERBOSE | re.IGNORECASE,
)
QUIET_LOGGERS = (
    "procrastinate",
    "apscheduler",
    "psycopg",
    "psycopg.pool",
    "uvicorn",
    "aiohttp",
    "asyncio",
)


def configure_logging(level: str, log_format: str | None = None) -> None:
    """Log from `level` up as `json` or `console`; by default `console` on a terminal only."""
    log_format = log_format or ("console" if sys.stderr.isatty() else "json")
    shared_processors = _shared_processors()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared_processors,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_processors, processors=[*_rendering_processors(log_format)]
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(True)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact every secret in a log message, recognised by its key or its format."""
    return {key: redact_value(key, value) for key, value in event.items()}


def redact_value(key: str, value: Any) -> Any:
    """Return the value with its secrets replaced by `[redacted]`."""
    if SECRET_KEY_PATTERN.search(key) and value is not None:
        return REDACTED
    match value:
        case Mapping():
            return {name: redact_value(str(name), inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact_value("", inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return SECRET_PATTERN.sub(REDACTED, str(value))


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


def _rendering_processors(log_format: str) -> list[Processor]:
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if log_format == "console"
        else structlog.processors.JSONRenderer()
    )
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact_event,
        renderer,
    ]
