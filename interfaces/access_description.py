"""The text that is recorded about a read of history: the view, and its parameters."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from projections.support.json_documents import format_rfc3339


def describe_access(view: str, parameters: Mapping[str, Any]) -> str:
    """Return what is recorded about a read: the view, and the parameters that were sent.

    Over HTTP and on the command line they have the same form; times are RFC 3339 in UTC.
    """
    names = (
        f"{name}={_describe(value)}" for name, value in parameters.items() if value is not None
    )
    return " ".join([view, *names])


def _describe(value: Any) -> str:
    match value:
        case datetime():
            return format_rfc3339(value)
        case tuple():
            return ",".join(value)
        case _:
            return str(value)
