"""Reads JSON files of proofs, in which each value may be written in one way only."""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

MAX_SHOWN_CHARACTERS = 60

Kinds = type | tuple[type, ...]
"""The type of a member, or those that it may have."""


class JsonInexact(ValueError):
    """A document is no JSON, or not written as its format requires."""


def parse_json(data: bytes) -> Any:
    """Return a document in UTF-8 in which no member occurs twice.

    Raises: JsonInexact.
    """
    try:
        document = json.loads(
            data.decode(), object_pairs_hook=_unique_members, parse_constant=_refuse_constant
        )
        # A lone surrogate is no text: no other program reads it in the same way.
        json.dumps(document, ensure_ascii=False).encode()
    except JsonInexact:
        raise
    except (ValueError, RecursionError):
        raise JsonInexact("it is no JSON in UTF-8") from None
    return document


def require_members(document: Mapping[str, Any], members: Mapping[str, Kinds], where: str) -> None:
    """Require that a document has exactly these members, with these types.

    Raises: JsonInexact.
    """
    unknown = document.keys() - members.keys()
    if unknown:
        name = min(unknown)[:MAX_SHOWN_CHARACTERS]
        raise JsonInexact(f"{where} has a member `{name}` that is not of this format")
    for name, kinds in members.items():
        allowed = kinds if isinstance(kinds, tuple) else (kinds,)
        # A type and not isinstance, because JSON's true is no number.
        if name not in document or type(document[name]) not in allowed:
            raise JsonInexact(f"{where} has no member `{name}` of the right type")


def is_same_json(one: Any, other: Any) -> bool:
    """Return whether two documents are equal, also in the types of their numbers."""
    # As text, because in Python 1, 1.0 and true are equal.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def encode_base64(data: bytes) -> str:
    """Return the base64 of RFC 4648, with padding."""
    return base64.b64encode(data).decode()


def decode_base64(text: str, name: str) -> bytes:
    """Return the bytes of a member called `name`.

    Raises: JsonInexact if they are not written as `encode_base64` writes them.
    """
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = None
    if decoded is None or encode_base64(decoded) != text:
        raise JsonInexact(f"its member `{name}` is not base64")
    return decoded


def parse_uuid(text: str, name: str) -> UUID:
    """Return the id in a member called `name`; raises JsonInexact if it has another form."""
    try:
        value = UUID(text)
    except ValueError:
        value = None
    if value is None or str(value) != text:
        raise JsonInexact(f"its member `{name}` is no id in its exact form")
    return value


def parse_time(text: str, name: str) -> datetime:
    """Return the time in a member called `name`; raises JsonInexact if it has another form."""
    try:
        time = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        time = None
    if time is None or time.isoformat().replace("+00:00", "Z") != text:
        raise JsonInexact(f"its member `{name}` is no time in its exact form")
    return time


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonInexact("a member occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise JsonInexact(f"{name} is no number of JSON")
