"""Encodes the rows of a view's read models as bytes, and decodes them.

Tables with many rows are packed: their columns are arrays in the format of
PostgreSQL, which a query gets as they are. The other tables are JSON.
"""

from collections.abc import Mapping
from datetime import datetime
from struct import Struct
from typing import Any
from uuid import UUID

import orjson

from infrastructure.projection_engine.read_model import fingerprint
from interfaces.queries.past_views.view_models import COLUMNS, PACKED_TABLES, VIEW_MODELS
from projections.support.packed_columns import PACKERS, PackedArray
from projections.support.rows_in_memory import RowsInMemory

FORM = "2/" + ",".join(fingerprint(model) for model in VIEW_MODELS)
"""The form of the bytes: it changes whenever a projector writes other rows."""

KEYS = {"dashboard_connections": "connection_id"}
"""The keys of tables that are not packed, if it is not `course_id`."""

KEPT_MICROSECONDS = 28 * 86_400 * 1_000_000
"""How long grade changes are kept in a state: much longer than a dashboard counts them."""

_LENGTH = Struct("!i")
_TIME = Struct("!q")
_ARRAY_HEADER_BYTES, _COUNT_AT = 20, 12

ViewRows = dict[str, RowsInMemory]
"""The rows of each read model by its name."""


def no_rows() -> ViewRows:
    """Return the rows of read models without events."""
    return {model.name: RowsInMemory() for model in VIEW_MODELS}


def encode_rows(rows: Mapping[str, RowsInMemory], names: Any) -> bytes:
    """Return the rows as bytes, and `names`, which is JSON, with them."""
    tables: dict[str, list[list[Any]]] = {}
    packed: list[tuple[str, str, int]] = []
    arrays: list[bytes] = []
    for model in VIEW_MODELS:
        for table in model.tables:
            if table not in PACKED_TABLES:
                tables[table] = _to_json(table, rows[model.name])
                continue
            for name, array in _repack(table, rows[model.name]).items():
                packed.append((table, name, len(array)))
                arrays.append(array)
    head = orjson.dumps({"tables": tables, "packed": packed, "names": names})
    return b"".join((_LENGTH.pack(len(head)), head, *arrays))


def decode_rows(plain: bytes) -> ViewRows:
    """Return the rows that were encoded.

    Raises: ValueError, TypeError or KeyError if they were not.
    """
    head, offset = _decode_head(plain)
    packed: dict[str, dict[str, PackedArray]] = {}
    for table, name, length in head["packed"]:
        packed.setdefault(table, {})[name] = PackedArray(plain[offset : offset + length])
        offset += length
    rows = {}
    for model in VIEW_MODELS:
        own = rows[model.name] = RowsInMemory(
            {table: packed[table] for table in model.tables if table in PACKED_TABLES}
        )
        for table in model.tables:
            if table not in PACKED_TABLES:
                names = [column.name for column in COLUMNS[table]]
                own.fill(
                    table,
                    names,
                    _from_json(table, head["tables"][table]),
                    KEYS.get(table, "course_id"),
                )
    return rows


def names_in(plain: bytes) -> Any:
    """Return the names that were encoded with the rows."""
    return _decode_head(plain)[0]["names"]


def _decode_head(plain: bytes) -> tuple[Any, int]:
    start = _LENGTH.size
    end = start + _LENGTH.unpack_from(plain)[0]
    return orjson.loads(plain[start:end]), end


def _to_json(table: str, rows: RowsInMemory) -> list[list[Any]]:
    columns = rows.columns_of(table, [column.name for column in COLUMNS[table]])
    return [
        [value.decode() if isinstance(value, bytes) else value for value in row]
        for row in zip(*columns, strict=True)
    ]


def _from_json(table: str, stored: list[list[Any]]) -> list[tuple[Any, ...]]:
    decoders = [DECODERS.get(column.type) for column in COLUMNS[table]]
    return [
        tuple(
            decoder(value) if decoder and value is not None else value
            for decoder, value in zip(decoders, row, strict=True)
        )
        for row in stored
    ]


DECODERS: dict[str, Any] = {
    "uuid": UUID,
    "bytea": str.encode,
    "timestamptz": datetime.fromisoformat,
}
"""What restores a value from JSON, by the type of its column."""


def _repack(table: str, rows: RowsInMemory) -> dict[str, bytes]:
    """Return the columns of a table with the packed rows that are not hidden, and the others."""
    columns = COLUMNS[table]
    before = rows.packed.get(table, {})
    kept = _kept(table, rows) if before else []
    found = {}
    values = rows.columns_of(table, [column.name for column in columns])
    for (name, type_, _), each in zip(columns, values, strict=True):
        added = PACKERS[type_](each).data
        parts = _elements(added)
        if before:
            old = zip(_elements(before[name].data), kept, strict=True)
            parts = [*(element for element, is_kept in old if is_kept), *parts]
        head = bytearray(added[:_ARRAY_HEADER_BYTES])
        _LENGTH.pack_into(head, _COUNT_AT, len(parts))
        found[name] = b"".join((bytes(head), *parts))
    return found


def _kept(table: str, rows: RowsInMemory) -> list[bool]:
    """Return for each packed row whether it is kept: it is not hidden, or it still counts."""
    packed, key = rows.packed[table], PACKED_TABLES[table]
    if key:
        hidden = {id_.bytes for id_ in rows.hidden(table)}
        return [each[_LENGTH.size :] not in hidden for each in _elements(packed[key].data)]
    times = [_TIME.unpack(each[_LENGTH.size :])[0] for each in _elements(packed["changed_at"].data)]
    oldest = max(times, default=0) - KEPT_MICROSECONDS
    return [time > oldest for time in times]


def _elements(array: bytes) -> list[bytes]:
    """Return the elements of an array in the binary format, each with its length before it."""
    found = []
    offset, end = _ARRAY_HEADER_BYTES, len(array)
    while offset < end:
        size = max(_LENGTH.unpack_from(array, offset)[0], 0)
        after = offset + _LENGTH.size + size
        found.append(array[offset:after])
        offset = after
    return found
