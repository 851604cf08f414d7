"""Error responses as RFC 9457 problems: the types of problem, and one problem of a request."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Response
from starlette.types import Scope

from application.event_metadata import current_metadata
from infrastructure.observability.redaction import redact_path
from interfaces.http.errors.problem_types import PROBLEM_TYPES

PROBLEM_MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """The response to this request is a problem of the type that `slug` names.

    `detail` is for the person who reads the response; without it the text of the type is used.
    `members` are added to the document, `headers` to the response.
    """

    def __init__(
        self,
        slug: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        self.slug = slug
        self.detail = detail or PROBLEM_TYPES[slug].detail
        self.headers = headers or {}
        self.members = members
        super().__init__(self.detail)


def problem_response(problem: Problem, scope: Scope) -> Response:
    """Return the response of content type `application/problem+json`."""
    problem_type = PROBLEM_TYPES[problem.slug]
    document = {
        "type": f"/problems/{problem.slug}",
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": problem.detail,
        "instance": redact_path(scope["path"]),
        "request_id": current_metadata().correlation_id,
        **problem.members,
    }
    return Response(
        orjson.dumps(document, default=str),
        problem_type.status,
        {"Cache-Control": "no-store", **problem.headers},
        media_type=PROBLEM_MEDIA_TYPE,
    )
