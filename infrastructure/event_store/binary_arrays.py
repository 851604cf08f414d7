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

_UUID_OID = types["uuid"].oid
_BIGINT_OID = types["int8"].oid
_TEXT_OID = types["text"].oid
_BYTEA_OID = types["bytea"].oid


def encode_uuids(values: Iterable[UUID]) -> bytes:
    """Encode a uuid[]."""
    return _encode_array(_UUID_OID, [value.bytes for value in values])


def encode_bigints(values: Iterable[int]) -> bytes:
    """Encode a bigint[] of numbers that are not negative."""
    return _encode_array(_BIGINT_OID, [value.to_bytes(8) for value in values])


def encode_texts(values: Iterable[str]) -> bytes:
    """Encode a text[]."""
    return _encode_array(_TEXT_OID, [value.encode() for value in values])


def encode_byteas(values: Sequence[bytes]) -> bytes:
    """Encode a bytea[]."""
    return _encode_array(_BYTEA_OID, values)


def _encode_array(element: int, values: Sequence[bytes]) -> bytes:
    head = _pack_header(1, 0, element, len(values), 1)
    lengths = map(_pack_length, map(len, values))
    return b"".join((head, *chain.from_iterable(zip(lengths, values, strict=True))))
