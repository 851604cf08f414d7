"""Decodes a list of assignment groups with types, if it has the form that Canvas usually sends.

This is the short way to what `parse_group` and `parse_assignment` make of the same response, and
fails for everything else: a response with a value that they would change is left to them. A digest
of the rows shows that Canvas sent the same as before, so that no records have to be made of them.
"""

from hashlib import blake2b

import msgspec

from infrastructure.canvas.typed_checks import has_usual_values
from infrastructure.canvas.typed_rows import GroupRow, decode_group_rows
from infrastructure.projection_engine.gc_pause import pause_gc

PARSER_VERSION = b"1"
"""Raise it if other records are made of the same response: no digest equals an older one then."""

_encode = msgspec.json.Encoder().encode


class GroupDecoder:
    """Decodes the pages of one list; `known_digest` is that of a list whose records are known."""

    def __init__(self, known_digest: str | None = None) -> None:
        self._known_digest = known_digest
        self._page_digests: list[str | None] = []

    @property
    def work_digest(self) -> str | None:
        """The digest of the list; None if it is empty, or has several pages or another form."""
        return self._page_digests[0] if len(self._page_digests) == 1 else None

    def decode(self, body: bytes) -> list[GroupRow] | None:
        """Decode a page; None if it is not a list of groups of the usual form.

        Bytes that are not UTF-8 are refused also where they are skipped, as by the decoder without
        types; numbers that are too large are not.
        """
        self._page_digests.append(None)
        try:
            has_plain_texts = checked_texts(body)
            with pause_gc():
                groups = decode_group_rows(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        digest = digest_rows(groups) if groups else None
        if digest != self._known_digest and not has_usual_values(
            groups, has_plain_texts=has_plain_texts
        ):
            return None
        self._page_digests[-1] = digest
        return groups


def checked_texts(body: bytes) -> bool:
    """Return whether all texts of a JSON body are printable ASCII, written without escapes.

    Raises: UnicodeDecodeError if it is not UTF-8.
    """
    if body.isascii() and b"\\" not in body and b"\x7f" not in body:
        return True
    body.decode()
    return False


def digest_rows(groups: list[GroupRow]) -> str:
    """Return 32 hex digits that are equal only if the records of the groups are equal.

    They do not depend on the scores of other students.
    """
    rows = [row for group in groups for row in group.assignments]
    statistics = [row.score_statistics for row in rows]
    for row in rows:
        row.score_statistics = None
    encoded = _encode(groups)
    for row, before in zip(rows, statistics, strict=True):
        row.score_statistics = before
    return blake2b(encoded, digest_size=16, person=PARSER_VERSION).hexdigest()
