"""Finds what is no secret in a value of CANVAS_ENCRYPTION_KEY."""

import re

ONE_KEY_BYTES = 32
"""A value of this length is one key, whatever it contains (see infrastructure/crypto)."""
_PUBLIC_PART = re.compile(
    r"""
    (?:^|,)\s*+[A-Za-z0-9_.-]{1,16}=
    (?: (?:hex|base64): | (?=[^,]{32}(?:,|$)) )  # the key follows, so what precedes is its id
    """,
    re.VERBOSE,
)


def public_parts(text: str) -> list[str]:
    """Return the parts of a value of CANVAS_ENCRYPTION_KEY that are no secrets: ids and encodings.

    Our advice has the same ids, and must stay readable where the value is hidden.
    """
    if len(text.encode()) == ONE_KEY_BYTES:
        return []
    return [match[0] for match in _PUBLIC_PART.finditer(text)]
