"""A Canvas with one course that honours page sizes and includes, for tests of its work."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.infrastructure.canvas.fake_servers import json_response, page_response

NESTED = "assignments"


@dataclass
class CourseServer:
    """A Canvas with one course; `groups` have their assignments. It stores the requests.

    With `nests_always` a list of groups contains the assignments also if they are not requested.
    """

    groups: list[dict[str, Any]]
    nests_always: bool = False
    listed: list[dict[str, Any]] | None = None
    """The list of assignments; None for those of the groups."""
    requests: list[web.Request] = field(default_factory=list)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        item_name = request.path.rpartition("/")[2]
        if item_name == "assignment_groups":
            return self._page(request, self._group_rows(request))
        if item_name == "assignments":
            return self._page(request, self._assignment_rows(request))
        return json_response({"errors": []}, status=404)

    def calls(self) -> list[tuple[str, str]]:
        """The requests so far: the last word of the path, and the page size."""
        return [
            (request.path.rpartition("/")[2], request.query["per_page"])
            for request in self.requests
        ]

    def _group_rows(self, request: web.Request) -> list[dict[str, Any]]:
        if self.nests_always or NESTED in request.query.getall("include[]", []):
            return self.groups
        return [
            {key: value for key, value in group.items() if key != NESTED} for group in self.groups
        ]

    def _assignment_rows(self, request: web.Request) -> list[dict[str, Any]]:
        nested = [
            {**row, "assignment_group_id": group["id"]}
            for group in self.groups
            for row in group.get(NESTED, [])
        ]
        rows = nested if self.listed is None else self.listed
        ids = request.query.getall("assignment_ids[]", [])
        return [row for row in rows if not ids or str(row["id"]) in ids]

    def _page(self, request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
        return page_response(request, rows, int(request.query["per_page"]))
