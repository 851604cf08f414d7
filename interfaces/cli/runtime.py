"""Prepares a command: reads the settings, configures logging and starts the event loop."""

import asyncio
import sys
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

from infrastructure.observability.logging import configure_logging
from infrastructure.settings.settings import Settings, read_settings
from interfaces.cli.demo_option import demo_settings
from interfaces.composition.unknown_settings import log_ignored_env_file

T = TypeVar("T")


def configure(**overrides: Any) -> Settings:
    """Read the settings and configure logging; `overrides` replace values of the environment.

    With `--demo` they are the settings of the demo that runs. What `.env` has and cannot be read
    is logged.

    Raises: InvalidSettings if a setting cannot be used.
    """
    settings = configure_silently(**overrides)
    log_ignored_env_file()
    return settings


def configure_silently(**overrides: Any) -> Settings:
    """Read the settings as `configure`, for a command that has its own words for what is wrong.

    Raises: InvalidSettings if a setting cannot be used.
    """
    settings = read_settings(**{**demo_settings(), **overrides})
    configure_logging(settings.log_level, settings.log_format)
    return settings


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result; on uvloop if that is installed."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Any:
    if sys.platform == "win32" or find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415  # missing on Windows

    return uvloop.new_event_loop
