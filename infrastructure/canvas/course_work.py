"""Reads the work of one course: its assignment groups, assignments and submissions."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

from domain.canvas import Assignment, AssignmentGroup
from domain.errors import CanvasNotFound, CanvasResponseUnusable
from infrastructure.canvas.api_client import CanvasApi, Decode
from infrastructure.canvas.group_decoder import GroupDecoder
from infrastructure.canvas.json_fields import as_object, parse_id
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.missing_parts import IDS_PER_REQUEST, MissingParts
from infrastructure.canvas.pagination import PAGE_SIZES, Query, fetch_rows, in_steps
from infrastructure.canvas.parse_assignment import find_group, parse_assignment, parse_group
from infrastructure.canvas.response_body import ResponseTooLarge
from infrastructure.canvas.scoped_key_fallback import attach_submissions
from infrastructure.canvas.typed_checks import mentions_parts
from infrastructure.canvas.typed_records import assignment_records, group_record
from infrastructure.canvas.typed_rows import GroupRow
from infrastructure.canvas.work_queries import ASSIGNMENTS_QUERY, GROUPS_QUERY

GROUP_PAGE_SIZES = (100,)
"""Pages of groups contain all their assignments, so smaller ones may not help."""
MAX_IDS_TO_LOOK_FOR = 100
"""Most known assignments that are requested again if they are missing."""
SMALL_PAGE_SIZES = (50, 10, 1)
"""For the assignments of a course that are too large for one response."""


class CourseWork(NamedTuple):
    """The assignments of a course with the student's submissions, and all its groups."""

    assignments: list[Assignment]
    groups: list[AssignmentGroup] | None
    """In the order of Canvas; None if they are too large to be read."""
    digest: str | None = None
    """The digest of the response; None if the work is of several, or of one of unusual form."""
    is_known: bool = False
    """Whether that is the known digest; there are no assignments and groups then."""


async def fetch_course_work(
    api: CanvasApi,
    limits: Limits,
    course_id: str,
    student_id: str | None,
    *,
    known_ids: Collection[str] = (),
    known_digest: str | None = None,
) -> CourseWork:
    """Fetch groups, assignments and submissions of a course, if possible with one request.

    More requests follow if the response is too large, if Canvas drops `include[]` (scoped developer
    key), or if it leaves out the parts of discussions. Assignments of `known_ids` (those that the
    course had before) that are missing are requested again: a row can move to another page while
    the pages are read. With the `known_digest` of work that was recorded, the same work is not
    parsed again.

    Raises: CanvasFailure if a request fails, a response has another shape than requested, or a
    single assignment is too large.
    """
    reader = _CourseReader(api, limits, course_id, student_id, GroupDecoder(known_digest))
    try:
        await reader.read()
        if reader.digest and reader.digest == known_digest:
            return CourseWork([], None, known_digest, is_known=True)
        await reader.add_typed_rows()
        await reader.look_for(known_ids)
    except CanvasNotFound:
        failure = CanvasNotFound(
            "Canvas no longer shows the assignments of this course; what was read before is kept."
        )
    else:
        assignments = list(reader.assignments.values())
        return CourseWork(assignments, reader.known_groups, reader.digest)
    raise failure


class _CourseReader:
    """Reads one course; `groups` and `assignments` have what was read, by Canvas id."""

    def __init__(
        self,
        api: CanvasApi,
        limits: Limits,
        course_id: str,
        student_id: str | None,
        decoder: GroupDecoder,
    ) -> None:
        self.groups: dict[str, AssignmentGroup] = {}
        self.assignments: dict[str, Assignment] = {}
        self._api = api
        self._limits = limits
        self._course_id = course_id
        self._student_id = student_id
        self._decoder = decoder
        self._typed_rows: list[GroupRow] = []
        self._has_parsed = False
        self._missing_parts = MissingParts()
        self._assignment_rows = 0
        self._are_nested = False

    @property
    def digest(self) -> str | None:
        """The digest of the work; None if a row of it had to be parsed by itself."""
        return None if self._has_parsed else self._decoder.work_digest

    @property
    def known_groups(self) -> list[AssignmentGroup] | None:
        """The groups; None if assignments were read and no groups."""
        return None if self.assignments and not self.groups else list(self.groups.values())

    async def read(self) -> None:
        """Read the course with the fewest requests that its size and its Canvas permit."""
        try:
            self._are_nested = await self._read_groups(
                GROUPS_QUERY, GROUP_PAGE_SIZES, self._decoder.decode
            )
        except ResponseTooLarge:
            await self._read_in_small_pages()
        else:
            if self._are_nested:
                await self._add_missing_parts()
            elif self.groups:
                await self._read_assignments(PAGE_SIZES)

    async def look_for(self, known_ids: Collection[str]) -> None:
        """Request the known assignments that were not read, and add those that exist.

        Raises: CanvasResponseUnusable if one exists and cannot be added: its group is not known,
        Canvas drops `include[]`, or more are missing than are requested.
        """
        missing = sorted(set(known_ids) - self.assignments.keys())
        for start in range(0, min(len(missing), MAX_IDS_TO_LOOK_FOR), IDS_PER_REQUEST):
            requested = missing[start : start + IDS_PER_REQUEST]
            query = [*(("assignment_ids[]", id_) for id_ in requested), *ASSIGNMENTS_QUERY]
            async with aclosing(self._fetch("assignments", query, PAGE_SIZES)) as rows:
                async for row in rows:
                    if parse_id(as_object(row).get("id")) in requested:
                        self._add_found(row, are_all_requested=len(missing) <= MAX_IDS_TO_LOOK_FOR)

    def _add_found(self, row: Any, *, are_all_requested: bool) -> None:
        group = find_group(row, self.groups)
        if not (group["id"] in self.groups and self._are_nested and are_all_requested):
            raise _wrong_shape("a list that lacks assignments which this course has")
        self._add_assignment(row, group)

    async def _read_in_small_pages(self) -> None:
        """Read the groups without their assignments, then the assignments in small pages."""
        self._clear()
        try:
            are_nested = await self._read_groups((), PAGE_SIZES)
        except ResponseTooLarge:
            # Even one group is too large: each assignment names the id of its group.
            self._clear()
            are_nested = False
        if not are_nested:
            await self._read_assignments(SMALL_PAGE_SIZES)

    async def add_typed_rows(self) -> None:
        """Add the typed rows that were read to `groups` and `assignments`."""
        rows, self._typed_rows = self._typed_rows, []
        for row in rows:
            self.groups[row.id] = group_record(row)
            async for assignment in in_steps(assignment_records(row)):
                self.assignments[assignment["canvas_id"]] = assignment

    def _clear(self) -> None:
        self._has_parsed = True
        self._typed_rows.clear()
        self.groups.clear()
        self.assignments.clear()
        self._assignment_rows = 0

    async def _read_groups(
        self, query: Query, page_sizes: Sequence[int], decode: Decode | None = None
    ) -> bool:
        """Read all groups; return whether they contain their assignments.

        Typed rows at the end of the list are not added: `add_typed_rows` does.

        Raises: CanvasResponseUnusable if only some do, or a row is not a group.
        """
        nested: list[bool] = []
        groups = self._fetch("assignment_groups", query, page_sizes, decode)
        async with aclosing(groups) as rows:
            async for row in rows:
                if isinstance(row, GroupRow):
                    self._api.row_budget.spend(len(row.assignments))
                    self._count_rows(len(row.assignments))
                    self._typed_rows.append(row)
                    if mentions_parts(row):
                        self._missing_parts.note_inclusion()
                    nested.append(True)
                else:
                    await self.add_typed_rows()
                    nested.append(await self._add_group(row))
        if any(nested) and not all(nested):
            raise _wrong_shape("an assignment group without its assignments")
        return any(nested)

    async def _add_group(self, row: Any) -> bool:
        """Add a group; return whether it contains its assignments."""
        self._has_parsed = True
        group = parse_group(row)
        if group is None:
            raise _wrong_shape("a list of assignment groups with something else in it")
        self.groups[group["id"]] = group
        if "assignments" not in row:
            return False
        await self._add_nested(row["assignments"], group)
        return True

    async def _add_nested(self, rows: Any, group: AssignmentGroup) -> None:
        if not isinstance(rows, list):
            raise _wrong_shape("an assignment group without a list of assignments")
        self._api.row_budget.spend(len(rows))
        async for row in in_steps(rows):
            self._add_assignment(row, group)
            self._missing_parts.inspect(row)

    async def _read_assignments(self, page_sizes: Sequence[int]) -> None:
        """Read the list of assignments, and the list of submissions if it contains none."""
        self.assignments.clear()
        has_submissions = False
        async with aclosing(self._fetch("assignments", ASSIGNMENTS_QUERY, page_sizes)) as rows:
            async for row in rows:
                has_submissions = has_submissions or "submission" in as_object(row)
                self._add_assignment(row, find_group(row, self.groups))
        if self.assignments and not has_submissions:
            await attach_submissions(self._course_id, self.assignments, self._fetch_rows)

    async def _add_missing_parts(self) -> None:
        rows = await self._missing_parts.fetch(
            self._api, self._limits, self._course_id, ASSIGNMENTS_QUERY
        )
        for row in rows:
            known = self.assignments[parse_id(row["id"]) or ""]
            self._add_assignment(row, self.groups[known["group"]["id"]])

    def _add_assignment(self, row: Any, group: AssignmentGroup) -> None:
        self._has_parsed = True
        self._count_rows(1)
        assignment = parse_assignment(row, group, self._student_id)
        if assignment is None:
            raise _wrong_shape("a list of assignments with something else in it")
        self.assignments[assignment["canvas_id"]] = assignment

    def _count_rows(self, count: int) -> None:
        self._assignment_rows += count
        if self._assignment_rows > self._limits.assignments:
            raise CanvasResponseUnusable(
                f"Canvas lists more than {self._limits.assignments} assignments in this course, the"
                " most that are read."
            )

    def _fetch(
        self,
        item_name: str,
        query: Query,
        page_sizes: Sequence[int],
        decode: Decode | None = None,
    ) -> AsyncGenerator[Any, None]:
        return fetch_rows(
            self._api,
            self._limits,
            f"courses/{self._course_id}/{item_name}",
            query,
            page_sizes=page_sizes,
            max_rows=self._limits.assignments,
            decode=decode,
        )

    def _fetch_rows(self, path: str, query: list[tuple[str, str]]) -> AsyncGenerator[Any, None]:
        return fetch_rows(self._api, self._limits, path, query)


def _wrong_shape(found: str) -> CanvasResponseUnusable:
    return CanvasResponseUnusable(f"Canvas sent {found}; what was read before is kept.")
