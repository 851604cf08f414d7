"""Validates text that PostgreSQL can store and a terminal can display."""

from unicodedata import category

from pydantic import AfterValidator


def _reject_control_characters(value: str) -> str:
    if any(category(char) in {"Cc", "Cs"} for char in value):
        raise ValueError("must not contain control characters")
    return value


NO_CONTROL_CHARACTERS = AfterValidator(_reject_control_characters)
"""Refuses control characters and lone surrogates."""
