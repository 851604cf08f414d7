"""Encodes the columns of an append as arrays in PostgreSQL's binary format.

The format is that of array_recv in PostgreSQL's src/backend/utils/adt/arrayfuncs.c: number of
dimensions, null flag, element type, length, lower bound; then each element after its length.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from struct import Struct
from uuid import UUID

from psycopg.postgres import types

_pack_header = Struct("!iiiii").pack
_pack_length = Struct("!i").pack

_NULL = _pack_length(-1)
_UUID_LENGTH = _pack_length(16)

_UUID_OID = types["uuid"].oid
_BIGINT_OID = types["int8"].oid
_TEXT_OID = types["text"].oid
_BYTEA_OID = types["bytea"].oid


def encode_uuids(values: Iterable[UUID]) -> bytes:
    """Encode a uuid[]."""
    return encode_ids([value.bytes for value in values])


def encode_ids(values: Sequence[bytes]) -> bytes:
    """Encode a uuid[] of UUIDs as bytes."""
    return _encode_equally_long(_UUID_OID, 16, values)


def encode_optional_ids(values: Sequence[bytes | None]) -> bytes:
    """Encode a uuid[] of UUIDs as bytes, or NULL for None."""
    head = _pack_header(1, 1, _UUID_OID, len(values), 1)
    return head + b"".join(_NULL if value is None else _UUID_LENGTH + value for value in values)


def encode_bigints(values: Iterable[int]) -> bytes:
    """Encode a bigint[] of numbers that are not negative."""
    return _encode_equally_long(_BIGINT_OID, 8, [value.to_bytes(8) for value in values])


def encode_texts(values: Iterable[str]) -> bytes:
    """Encode a text[]."""
    return _encode_array(_TEXT_OID, [value.encode() for value in values])


def encode_byteas(values: Sequence[bytes]) -> bytes:
    """Encode a bytea[]."""
    return _encode_array(_BYTEA_OID, values)


def _encode_equally_long(element: int, length: int, values: Sequence[bytes]) -> bytes:
    """Encode values of one length, of which there is at least one."""
    before_each = _pack_length(length)
    return _pack_header(1, 0, element, len(values), 1) + before_each + before_each.join(values)


def _encode_array(element: int, values: Sequence[bytes]) -> bytes:
    head = _pack_header(1, 0, element, len(values), 1)
    lengths = map(_pack_length, map(len, values))
    return b"".join((head, *chain.from_iterable(zip(lengths, values, strict=True))))
