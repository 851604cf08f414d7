"""Encodes the columns of many rows as arrays in PostgreSQL's binary format.

This walls off the hot path of every write of a projector: to let psycopg adapt value by value
takes several times as long. The format is that of array_recv in PostgreSQL's
src/backend/utils/adt/arrayfuncs.c: number of dimensions, null flag, element type, length, lower
bound; then each element after its length, which is -1 for NULL.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.postgres import types
from psycopg.pq import Format

_pack_header = Struct("!iiiii").pack
_pack_length = Struct("!i").pack
_pack_integer = Struct("!ii").pack
_pack_bigint = Struct("!iq").pack
_pack_double = Struct("!id").pack

_NULL = _pack_length(-1)
_TRUE, _FALSE = b"\0\0\0\1\1", b"\0\0\0\1\0"
_UUID_LENGTH = _pack_length(16)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""The time that PostgreSQL counts from, in microseconds."""


class PackedArray(NamedTuple):
    """A parameter that is an array in PostgreSQL's binary format; the statement casts it."""

    data: bytes


class _PackedArrayDumper(Dumper):
    """Sends the bytes as they are. Without an oid PostgreSQL takes the type from the cast."""

    format = Format.BINARY

    def dump(self, obj: PackedArray) -> Buffer:
        return obj.data


psycopg.adapters.register_dumper(PackedArray, _PackedArrayDumper)


def pack_columns(columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> list[PackedArray]:
    """Convert at least one row to the arrays that `unnest` takes, one for each column.

    `columns` are the PostgreSQL types of the values in a row: keys of `PACKERS`.
    """
    return [
        PACKERS[type_](values)
        for type_, values in zip(columns, zip(*rows, strict=True), strict=True)
    ]


def pack_uuids(values: Collection[UUID | None]) -> PackedArray:
    """Encode a uuid[]."""
    return _pack(
        "uuid", [_NULL if it is None else _UUID_LENGTH + it.bytes for it in values], len(values)
    )


def _pack_texts(values: Sequence[Any]) -> PackedArray:
    return _pack_sized("text", [None if it is None else it.encode() for it in values])


def _pack_byteas(values: Sequence[Any]) -> PackedArray:
    return _pack_sized("bytea", values)


def _pack_booleans(values: Sequence[Any]) -> PackedArray:
    return _pack(
        "bool", [_NULL if it is None else _TRUE if it else _FALSE for it in values], len(values)
    )


def _pack_integers(values: Sequence[Any]) -> PackedArray:
    return _pack(
        "int4", [_NULL if it is None else _pack_integer(4, it) for it in values], len(values)
    )


def _pack_bigints(values: Sequence[Any]) -> PackedArray:
    return _pack(
        "int8", [_NULL if it is None else _pack_bigint(8, it) for it in values], len(values)
    )


def _pack_doubles(values: Sequence[Any]) -> PackedArray:
    return _pack(
        "float8", [_NULL if it is None else _pack_double(8, it) for it in values], len(values)
    )


def _pack_times(values: Sequence[Any]) -> PackedArray:
    return _pack(
        "timestamptz", [_NULL if it is None else _pack_time(it) for it in values], len(values)
    )


def _pack_time(at: datetime) -> bytes:
    after = at - _EPOCH
    return _pack_bigint(8, (after.days * 86_400 + after.seconds) * 1_000_000 + after.microseconds)


def _pack_sized(type_: str, values: Sequence[bytes | None]) -> PackedArray:
    """Encode elements that differ in size; each is copied only once."""
    parts: list[bytes] = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts += (_pack_length(len(value)), value)
    return _pack(type_, parts, len(values))


def _pack(type_: str, parts: Sequence[bytes], count: int) -> PackedArray:
    # The flag for NULL may be set without one.
    return PackedArray(b"".join((_pack_header(1, 1, types[type_].oid, count, 1), *parts)))


PACKERS: Mapping[str, Callable[[Sequence[Any]], PackedArray]] = {
    "uuid": pack_uuids,
    "text": _pack_texts,
    "bytea": _pack_byteas,
    "boolean": _pack_booleans,
    "integer": _pack_integers,
    "bigint": _pack_bigints,
    "double precision": _pack_doubles,
    "timestamptz": _pack_times,
}
"""What encodes a column, by its PostgreSQL type; None is NULL, times have a time zone."""
