"""Text that every store and terminal can hold."""

from unicodedata import category

from pydantic import AfterValidator


def _without_controls(value: str) -> str:
    if any(category(char) in {"Cc", "Cs"} for char in value):
        raise ValueError("must not contain control characters")
    return value


WITHOUT_CONTROLS = AfterValidator(_without_controls)
"""Neither control characters nor halves of surrogate pairs."""
