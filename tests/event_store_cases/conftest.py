"""The whole service beside a literal Canvas, for cases that users of the event log met."""

from tests.canvas_cases.conftest import school

__all__ = ["school"]
