"""Records the calls of a fake service, and raises the errors that a test wants."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from application.event_metadata import current_metadata

Call = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments."""


@dataclass
class CallRecorder:
    """Records calls, with the actor and the correlation id of each."""

    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    actors: list[str] = field(default_factory=list)
    correlation_ids: list[str | None] = field(default_factory=list)
    error: Exception | None = None
    """Raised by every call if set."""
    error_by_name: dict[str, Exception] = field(default_factory=dict)
    """Raised by calls of these names."""

    def record_call(self, name: str, *args: Any, **options: Any) -> None:
        self.calls.append((name, args, options))
        self.actors.append(current_metadata().actor)
        self.correlation_ids.append(current_metadata().correlation_id)
        if error := self.error or self.error_by_name.get(name):
            raise error

    def last_call(self, name: str) -> Call:
        """Return the arguments of the last call of this name."""
        with suppress(StopIteration):
            return next(
                (args, options) for called, args, options in self.calls[::-1] if called == name
            )
        raise AssertionError(f"{name} was never called")
