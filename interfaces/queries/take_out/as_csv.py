"""Encodes what a person takes along as a zip archive of CSV files, in chunks.

A spreadsheet program takes text that begins like a formula for one, and would execute it. Such
text gets an apostrophe in front. A byte order mark lets these programs read UTF-8.
"""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import orjson

from interfaces.queries.take_out.taken_list import TakenList

BYTE_ORDER_MARK = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")
"""What programs take for the beginning of a formula, also in its full-width form."""


class _Chunks:
    """A file that can only be written; what was written is taken from it."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: there is no buffer behind this one."""

    def close(self) -> None:
        """Do nothing: what was written is in memory."""

    def take(self) -> bytes:
        chunk = b"".join(self._written)
        self._written.clear()
        return chunk


async def encode_csv(
    head: Mapping[str, Any], parts: Sequence[TakenList]
) -> AsyncGenerator[bytes, None]:
    """Yield a zip archive: `account.csv` with the members of `head`, then a file for each part."""
    chunks = _Chunks()
    with ZipFile(chunks, "w", ZIP_DEFLATED) as archive:
        archive.writestr("account.csv", _encode_account(head))
        for part in parts:
            with archive.open(f"{part.name}.csv", "w") as file:
                file.write((BYTE_ORDER_MARK + _encode([part.columns])).encode())
                async for page in part.pages:
                    file.write(await asyncio.to_thread(_encode_page, page, part.columns))
                    yield chunks.take()
            yield chunks.take()
    yield chunks.take()


def safe_cell(value: Any) -> str | int | float:
    """Return what a cell has: numbers as they are, text that cannot be taken for a formula."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case str():
            return f"'{value}" if value.startswith(FORMULA_STARTS) else value
        case _:
            return orjson.dumps(value).decode()


def _encode_account(head: Mapping[str, Any]) -> bytes:
    members = orjson.loads(orjson.dumps(head, option=orjson.OPT_UTC_Z))
    flat = _flatten(members)
    rows: list[list[Any]] = [["member", "value"]]
    rows += [[name, safe_cell(value)] for name, value in flat.items()]
    return (BYTE_ORDER_MARK + _encode(rows)).encode()


def _encode_page(page: Sequence[bytes], columns: Sequence[str]) -> bytes:
    rows = []
    for document in page:
        flat = _flatten(orjson.loads(document), frozenset(columns))
        rows.append([safe_cell(flat.get(column)) for column in columns])
    return _encode(rows).encode()


def _encode(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _flatten(document: Mapping[str, Any], whole: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the members of a document; those of an object inside are named `object.member`.

    A member that `whole` names stays an object.
    """
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict) and name not in whole:
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            flat[name] = value
    return flat
