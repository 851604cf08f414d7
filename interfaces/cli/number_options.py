"""Describes in plain words which numbers an option accepts, when its value is none of them."""

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import typer

NOUNS = {
    "int": "a whole number",
    "int range": "a whole number",
    "float": "a number",
    "float range": "a number",
}
"""What the types of typer for numbers accept, by their names."""


def explain_numbers(parameters: Iterable[Any]) -> None:
    """Give the types of these parameters an error that describes the accepted numbers."""
    for parameter in parameters:
        if parameter.type.name in NOUNS:
            parameter.type.fail = _failure(describe_numbers(parameter.type))


def describe_numbers(number_type: Any) -> str:
    """Return which numbers a type of typer accepts, such as `a whole number from 1 to 200`."""
    noun = NOUNS[number_type.name]
    lowest, highest = (getattr(number_type, name, None) for name in ("min", "max"))
    if lowest is not None and highest is not None:
        return f"{noun} from {lowest} to {highest}"
    return noun if lowest is None else f"{noun} of at least {lowest}"


def _failure(description: str) -> Callable[..., NoReturn]:
    def fail(_message: str, param: Any = None, ctx: Any = None) -> NoReturn:
        raise typer.BadParameter(f"it must be {description}.", ctx=ctx, param=param)

    return fail
