"""The rule for the purpose of a reading: a short text that people can read."""

from unicodedata import category

MAX_LENGTH = 200
PURPOSE_RULE = f"1 to {MAX_LENGTH} visible characters"
JOINERS = frozenset("\u200c\u200d")
"""Invisible characters that are part of the spelling of Persian and Hindi, and of emoji."""
REPLACEMENT_CHARACTER = "\ufffd"
"""What a decoder puts in place of bytes that are no text: what was meant is lost."""
INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Control characters, marks of direction, what is not assigned, and separators of lines."""


class InvalidPurpose(ValueError):
    """The text is too long, or has characters that people cannot read."""


def parse_purpose(text: str) -> str | None:
    """Return the purpose without blanks around it; None if nothing is left.

    Raises: InvalidPurpose if it is too long, has invisible characters, or was no valid text.
    """
    purpose = text.strip().strip("".join(JOINERS))
    if any(category(char) in INVISIBLE_CATEGORIES and char not in JOINERS for char in purpose):
        raise InvalidPurpose(
            "must not contain control characters, line breaks or marks of text direction"
        )
    if REPLACEMENT_CHARACTER in purpose:
        raise InvalidPurpose("must be text in UTF-8")
    if len(purpose) > MAX_LENGTH:
        raise InvalidPurpose(f"must have {PURPOSE_RULE}; it has {len(purpose)}")
    return purpose or None
