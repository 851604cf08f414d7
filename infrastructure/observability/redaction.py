"""Replaces secrets in text that is logged, printed or returned, in time linear in its length.

A stranger decides what many of these texts contain. So every pattern must be linear, which
`tests/infrastructure/observability/test_redaction.py` checks: an attempt to match begins only at
the start of a run of its characters, and possessive quantifiers never give characters back.
"""

import re
from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Any, NamedTuple
from urllib.parse import quote

REDACTED = "[redacted]"
MAX_TEXT_LENGTH = 8_000
"""Characters of a text; what a longer one has in its middle is left out before the redaction."""
MAX_PATH_LENGTH = 200
"""Characters of the path of a request that are logged, and returned in problems."""
SECRET_KEY_PATTERN = re.compile(
    r"authorization|token$|secret|password|cookie|encryption_key", re.IGNORECASE
)


MIN_HIDDEN_LENGTH = 4
"""Characters of the shortest part of a secret that is hidden; shorter ones are in every text."""
MAX_SPECIAL_CHARACTERS = 12
"""Special characters of a secret at which its parts are distinguished."""
_SPECIAL_CHARACTERS = re.compile(r"[@:/?#%=,\s'\"\\]")
_HEXADECIMAL_ID = re.compile(r"[0-9a-f-]{1,36}")
_hidden_parts: list[str] = []
_hidden_parts_of_ids: list[str] = []
"""Those that a hexadecimal id can have: usually none."""


class SecretPattern(NamedTuple):
    """A format of secrets; the groups of its match are kept, the rest of it is replaced."""

    name: str
    pattern: re.Pattern[str]


def _secret_pattern(name: str, pattern: str) -> SecretPattern:
    return SecretPattern(name, re.compile(pattern, re.VERBOSE | re.IGNORECASE))


SECRET_PATTERNS = (
    _secret_pattern(
        "a JWT",
        r"""
        (?<![\w-]) ((?:(?!\beyJ)[\w-])*+)  # kept: what precedes it in its run of characters
        eyJ[\w-]++\.[\w-]++\.[\w-]*+
        """,
    ),
    _secret_pattern("a Canvas token", r"\b\d++~[A-Za-z0-9]{20,}+"),
    _secret_pattern(
        "the token after Bearer, unless it is a word of our own texts",
        r"(?<=bearer\ )(?!tokens?[.,]?(?:\s|$)|<)\S++",
    ),
    _secret_pattern("a token in a query", r"(?<=token=)[^&\s'\"]++"),
    _secret_pattern(
        "user and password in a URL, unless it is an example",
        r"(?<=://)(?!user:password@)[^/\s:@]*+:[^/\s@]++(?=@)",
    ),
    _secret_pattern(
        "the secret in the path of a calendar, or all after it",
        r"""
        (?<=/calendar/)(?!\{secret\})
        (?: [^\s'"]+?(?=\.ics(?:[\s'"?]|$)) | [^\s'"]++ )
        """,
    ),
    _secret_pattern(
        "such a secret elsewhere: 32 bytes in base64url",
        r"""
        (?<![\w-])
        (?=[\w-]{0,42}(?-i:[A-Z]))(?=[\w-]{0,42}(?-i:[a-z]))
        [\w-]{42}(?-i:[AEIMQUYcgkosw048])(?![\w=-])
        """,
    ),
)


def hide_secret(secret: str, *, public: Collection[str] = ()) -> None:
    """Replace a secret of this process in every text from now on, however it is escaped.

    A library may take a part of a password for a host, and print it. So every part that begins and
    ends at a special character is replaced too, unless a `public` text has it.
    """
    forms = {secret, quote(secret), quote(secret, safe="")}
    hidden = {
        part
        for form in forms
        for part in _parts_between_special_characters(form)
        if len(part) >= MIN_HIDDEN_LENGTH and not any(part in text for text in public)
    }
    # The longest first, because it contains others.
    _hidden_parts[:] = sorted(hidden.union(_hidden_parts), key=len, reverse=True)
    _hidden_parts_of_ids[:] = filter(_HEXADECIMAL_ID.fullmatch, _hidden_parts)


def _parts_between_special_characters(text: str) -> set[str]:
    matches = list(_SPECIAL_CHARACTERS.finditer(text))[:MAX_SPECIAL_CHARACTERS]
    cuts = sorted({0, len(text), *(place for match in matches for place in match.span())})
    return {text[start:end] for start, end in combinations(cuts, 2)}


def redact_text(text: str) -> str:
    """Return a text with its secrets replaced by `[redacted]`, of a limited length."""
    text = cut_middle(text)
    for part in _hidden_parts:
        text = text.replace(part, REDACTED)
    for _, pattern in SECRET_PATTERNS:
        text = pattern.sub(_replace, text)
    return text


def redact_id(text: str) -> str:
    """Return an id with its secrets replaced; one of hexadecimal digits has no format of them."""
    if not _HEXADECIMAL_ID.fullmatch(text):
        return redact_text(text)
    for part in _hidden_parts_of_ids:
        if part in text:
            return redact_text(text)
    return text


def redact_value(key: str, value: Any) -> Any:
    """Return the value with its secrets replaced by `[redacted]`."""
    if SECRET_KEY_PATTERN.search(key) and value is not None:
        return REDACTED
    match value:
        case Mapping():
            return {name: redact_value(str(name), inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact_value("", inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return redact_text(str(value))


def redact_path(path: str) -> str:
    """Return at most 200 characters of the path of a request, without secrets.

    A longer path is cut after a slash and ends with `…`: a part of a secret has no format.
    """
    if len(path) <= MAX_PATH_LENGTH:
        return redact_text(path)
    start, slash, _ = path[: MAX_PATH_LENGTH - 1].rpartition("/")
    return redact_text(start + slash) + "…"


def cut_middle(text: str) -> str:
    """Return a text of at most MAX_TEXT_LENGTH characters: a longer one without its middle.

    The words beside the cut are left out too: a part of a secret would not be recognised.
    """
    if len(text) <= MAX_TEXT_LENGTH:
        return text
    half = MAX_TEXT_LENGTH // 2 - 20
    start, end = text[:half], text[-half:]
    start = start[: len(start) - len(_last_word(start))]
    end = end[len(_first_word(end)) :]
    return f"{start}[{len(text) - len(start) - len(end)} characters]{end}"


def _replace(match: re.Match[str]) -> str:
    return "".join(match.groups()) + REDACTED


def _last_word(text: str) -> str:
    words = text.rsplit(maxsplit=1)
    return words[-1] if words and text.endswith(words[-1]) else ""


def _first_word(text: str) -> str:
    words = text.split(maxsplit=1)
    return words[0] if words and text.startswith(words[0]) else ""
