"""What the program says of itself when asked how it does."""

from typing import NamedTuple


class Wellness(NamedTuple):
    """Components by name, each `ok` or what is wrong with it.

    Without those `needed` no request can be answered; the others are `told` to operators.
    """

    needed: dict[str, str]
    told: dict[str, str]
