"""Writes log messages to standard error, as JSON or for a terminal, with secrets redacted."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from infrastructure.observability.json_lines import JsonLineHandler
from infrastructure.observability.redaction import redact_value
from infrastructure.observability.repeated_outages import RepeatedOutages
from infrastructure.observability.visible_text import visible_lines, visible_text

OWN_KEYS = frozenset({"at", "level", "logger"})
"""Keys whose values are ours, so that a password that is such a word does not hide them."""
MULTILINE_KEYS = frozenset({"exception", "stack"})
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
            RepeatedOutages(),
            *shared_processors,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler_type = JsonLineHandler if log_format == "json" else logging.StreamHandler
    handler = handler_type(sys.stderr)
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
    return {
        key: value if key in OWN_KEYS else redact_value(key, value) for key, value in event.items()
    }


def make_event_visible(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape the control characters of a log message for a terminal, without those of colours.

    JSON needs none: its renderer writes ASCII only.
    """
    return {key: _visible_value(key, value) for key, value in event.items()}


def _visible_value(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return visible_lines(value) if key in MULTILINE_KEYS else visible_text(value)


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
    renderers: list[Processor] = (
        [make_event_visible, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if log_format == "console"
        else [structlog.processors.JSONRenderer()]
    )
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact_event,
        *renderers,
    ]
