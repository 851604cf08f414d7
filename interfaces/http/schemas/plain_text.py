"""Text that every store and terminal can hold."""

from unicodedata import category

from pydantic import AfterValidator


def _reject_control_characters(value: str) -> str:
    if any(category(char) in {"Cc", "Cs"} for char in value):
        raise ValueError("must not contain control characters")
    return value


NO_CONTROL_CHARACTERS = AfterValidator(_reject_control_characters)
"""Neither control characters nor halves of surrogate pairs."""
