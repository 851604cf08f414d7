"""What the program says of itself when asked how it does."""

from typing import NamedTuple


class HealthReport(NamedTuple):
    """Components by name, each `ok` or what is wrong with it.

    Without those `required` no request can be answered; the others are `informational`.
    """

    required: dict[str, str]
    informational: dict[str, str]
