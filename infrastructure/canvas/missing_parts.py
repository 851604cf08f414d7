"""Reads the parts of discussions (checkpoints) that a list of assignment groups leaves out.

Canvas adds them to the list of assignments, and only newer versions also to the list of groups.
"""

from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

from domain.errors import CanvasForbidden, CanvasNotFound
from infrastructure.canvas.api_client import CanvasApi
from infrastructure.canvas.json_fields import as_object, parse_id, parse_number
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.pagination import Query, fetch_rows

IDS_PER_REQUEST = 50
"""Canvas refuses more than 100, and URLs have a length limit."""
PAGE_SIZES = (50, 10, 1)


class MissingParts:
    """Collects the assignments of a course whose parts are missing, and fetches them."""

    def __init__(self) -> None:
        self._announced: dict[str, dict[str, Any]] = {}
        self._possible: dict[str, dict[str, Any]] = {}
        self._are_included = False

    def note_inclusion(self) -> None:
        """Note that Canvas says of an assignment whether it has parts."""
        self._are_included = True

    def inspect(self, row: Any) -> None:
        """Look at one assignment.

        If no assignment states whether it has parts, an undated discussion with points may have
        some: Canvas then leaves out its date.
        """
        row = as_object(row)
        id_ = parse_id(row.get("id"))
        if id_ is None:
            return
        if "has_sub_assignments" in row or "checkpoints" in row:
            self._are_included = True
            has_parts = row.get("has_sub_assignments") is True
            if has_parts and not isinstance(row.get("checkpoints"), list):
                self._announced[id_] = row
        elif _is_undated_discussion(row):
            self._possible[id_] = row

    async def fetch(
        self, api: CanvasApi, limits: Limits, course_id: str, query: Query
    ) -> list[dict[str, Any]]:
        """Fetch the assignments with missing parts; return those that have parts, with all fields.

        There is no request if nothing is missing. If Canvas does not permit it, no parts are known.

        Raises: CanvasFailure if a request fails for another reason.
        """
        rows = self._announced if self._are_included else self._possible
        found: list[dict[str, Any]] = []
        try:
            for ids in _batches(list(rows)):
                requested = [("assignment_ids[]", id_) for id_ in ids]
                fetched = fetch_rows(
                    api,
                    limits,
                    f"courses/{course_id}/assignments",
                    [*requested, *query],
                    page_sizes=PAGE_SIZES,
                )
                async with aclosing(fetched):
                    async for row in fetched:
                        found += _with_parts(row, rows)
        except (CanvasForbidden, CanvasNotFound):
            return []
        return found


def _is_undated_discussion(row: dict[str, Any]) -> bool:
    types = row.get("submission_types")
    return (
        isinstance(types, list)
        and "discussion_topic" in types
        and row.get("due_at") is None
        and bool(parse_number(row.get("points_possible")))
    )


def _with_parts(row: Any, listed: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the assignment as listed, with the fields of the row, if the row has parts."""
    row = as_object(row)
    before = listed.get(parse_id(row.get("id")) or "")
    if before and isinstance(row.get("checkpoints"), list) and row["checkpoints"]:
        yield before | row


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), IDS_PER_REQUEST):
        yield ids[start : start + IDS_PER_REQUEST]
