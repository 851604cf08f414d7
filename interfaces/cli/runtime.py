"""What a command starts from: the settings, the logs and the loop."""

import asyncio
import sys
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

from infrastructure.observability.logging import configure_logging
from infrastructure.settings import Settings, read_settings

T = TypeVar("T")


def configure(**overrides: Any) -> Settings:
    """The settings of this process, and logs as they say; raises BadSettings."""
    settings = read_settings(**overrides)
    configure_logging(settings.log_level, settings.log_format)
    return settings


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on the faster loop where there is one."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Any:
    if sys.platform == "win32" or find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415  # missing on Windows

    return uvloop.new_event_loop
