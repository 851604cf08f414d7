"""Finds the address or the access token in the text that people paste: without what is around it.

Text that is copied from a browser, an e-mail or a terminal often has more than the value: blanks,
quotes, characters that are not visible, a label. None of it can be a part of the value.
"""

import re

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|[\u200c\u200d](?![^\x00-\x7f])|(?<![^\x00-\x7f])[\u200c\u200d]"
)
"""The Unicode property Default_Ignorable_Code_Point: no font draws these characters.

Joiners (U+200C and U+200D) between two letters of a host name that is not ASCII are kept: there
they make a different name (RFC 5892, appendix A).
"""
BLANKS = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
QUOTES = (
    "\"'`\u00b4\u00ab\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2039\u203a"
    "\u300a\u300b\u300c\u300d\u300e\u300f\uff02\uff07"
)
"""Quotation marks of all languages, and marks that are used as such."""

BEFORE_ADDRESS, AFTER_ADDRESS = f"{BLANKS}{QUOTES}<({{", f"{BLANKS}{QUOTES}>)}}.,;:!"
AROUND_TOKEN = f"{BLANKS}{QUOTES}<>(){{}}[].,;:*"

HTTP_PREFIX = re.compile(r"(?:(?:view-source:)?(https?)(?::/*|//+)\s*)+|:?/+\s*", re.IGNORECASE)
"""A scheme, also one that is repeated or has too few or too many slashes; browsers permit most."""
OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://|[a-z][a-z0-9+-]*:[^0-9/?#]", re.IGNORECASE)
USER_INFO = re.compile(r"[^/?#@]*@")
"""A name, perhaps with a password, before a host; `user:password@` looks like a scheme."""
END_OF_AUTHORITY = re.compile(r"[/?#]")

TOKEN_LABEL = re.compile(
    rf"^token\s+|\bbearer(?:\s*[:=]\s*|\s+)|(?<![\w~-])[\w-]*(?:token|key)[{QUOTES}]*\s*[:=]\s*",
    re.IGNORECASE,
)
"""A label before a token, as in `Authorization: Bearer`, `Token:`, `CANVAS_TOKEN=` or JSON."""
LABEL_WORDS = frozenset({"bearer", "token"})
END_OF_LABELLED_TOKEN = re.compile(rf"[{QUOTES}&,;<>]")
ENCODED_TILDE = re.compile(r"%7e", re.IGNORECASE)
"""A tilde in a URL; Canvas tokens have no percent sign."""
TOKEN = re.compile(r"[!-~]{1,4096}")


class NotHttp(ValueError):
    """The address has a scheme other than `http` and `https`."""


def split_address(text: str) -> tuple[str | None, str]:
    """Return the scheme and the authority of an address; None if it has no scheme.

    The authority is the part with user, host and port, as it was typed: it is not checked. Path,
    query and fragment are left out.

    Raises: NotHttp if the scheme is neither `http` nor `https`.
    """
    address = INVISIBLE.sub("", text).lstrip(BEFORE_ADDRESS).rstrip(AFTER_ADDRESS)
    prefix = HTTP_PREFIX.match(address)
    rest = address[prefix.end() :] if prefix else address
    if not (prefix and prefix[1]) and OTHER_SCHEME.match(rest) and not USER_INFO.match(rest):
        raise NotHttp
    scheme = prefix[1].lower() if prefix and prefix[1] else None
    return scheme, END_OF_AUTHORITY.split(rest, maxsplit=1)[0]


def find_token(text: str) -> str:
    """Return the access token in a text.

    Raises: ValueError, with what to do, if there is none or the text has more than that.
    """
    value = _without_label(INVISIBLE.sub("", text).strip(AROUND_TOKEN))
    token = ENCODED_TILDE.sub("~", "".join(line.strip() for line in value.splitlines()))
    if not token or token.lower() in LABEL_WORDS:
        raise ValueError("has no token: copy the token that Canvas shows when you create it")
    if any(char.isspace() for char in token):
        raise ValueError("must be one token without blanks in it: copy it from Canvas again")
    if not token.isascii() or not token.isprintable():
        raise ValueError("has characters that no token has: copy it from Canvas again")
    if not TOKEN.fullmatch(token):
        raise ValueError("must have at most 4096 characters")
    return token


def _without_label(text: str) -> str:
    """Return the text between a label and the end of the value, or all of it without a label."""
    label = TOKEN_LABEL.search(text)
    if not label:
        return text
    value = text[label.end() :].lstrip(AROUND_TOKEN)
    while label := TOKEN_LABEL.match(value):
        value = value[label.end() :].lstrip(AROUND_TOKEN)
    return END_OF_LABELLED_TOKEN.split(value, maxsplit=1)[0].strip(AROUND_TOKEN)
