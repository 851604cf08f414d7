"""Columns of an append in PostgreSQL's binary format of arrays.

The format is that of array_recv in PostgreSQL's src/backend/utils/adt/arrayfuncs.c:
dimensions, has nulls, element type, length, lower bound; then each element with its length.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from struct import Struct
from uuid import UUID

from psycopg.postgres import types

_HEAD = Struct("!iiiii").pack
_LENGTH = Struct("!i").pack

_UUID = types["uuid"].oid
_BIGINT = types["int8"].oid
_TEXT = types["text"].oid
_BYTEA = types["bytea"].oid


def uuids(values: Iterable[UUID]) -> bytes:
    """A uuid[]."""
    return _array(_UUID, [value.bytes for value in values])


def bigints(values: Iterable[int]) -> bytes:
    """A bigint[] of numbers that are not negative."""
    return _array(_BIGINT, [value.to_bytes(8) for value in values])


def texts(values: Iterable[str]) -> bytes:
    """A text[]."""
    return _array(_TEXT, [value.encode() for value in values])


def byteas(values: Sequence[bytes]) -> bytes:
    """A bytea[]."""
    return _array(_BYTEA, values)


def _array(element: int, values: Sequence[bytes]) -> bytes:
    head = _HEAD(1, 0, element, len(values), 1)
    lengths = map(_LENGTH, map(len, values))
    return b"".join((head, *chain.from_iterable(zip(lengths, values, strict=True))))
