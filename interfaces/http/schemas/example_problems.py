"""Example problems for the OpenAPI document, with the texts of real ones. Tests compare them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from application.erase_person import AuthUserNotDeletable
from domain import errors
from infrastructure.canvas.error_mapping import no_canvas
from infrastructure.observability.redaction import redact_path
from interfaces.http.auth.protected_route import missing_role_detail
from interfaces.http.errors.error_table import SLUG_BY_ERROR, members_of
from interfaces.http.errors.exception_handlers import DETAIL_BY_STATUS
from interfaces.http.errors.problem_types import (
    NO_READ_MODEL,
    PROBLEM_TYPES,
    not_ready_detail,
)
from interfaces.http.middleware.rate_budget import RateLimitExceeded
from interfaces.http.middleware.rate_limit_policies import DEFAULT
from interfaces.http.schemas.examples import (
    ASSIGNMENT_ID,
    CONNECTION_ID,
    COURSE_ID,
    EVENT_EXAMPLE,
    EXAMPLE_TIME,
    SYNC_ID,
    TOKEN_REJECTED_EXAMPLE,
    USER_ID,
)
from interfaces.http.schemas.known_parameters import unknown_parameter_error
from interfaces.http.schemas.receipt_example import RECEIPT_EXAMPLE
from interfaces.queries.log_proofs import EventUnknown

EXAMPLE_ERRORS: tuple[errors.DomainError | errors.CanvasFailure, ...] = (
    errors.ConnectionNotFound(UUID(CONNECTION_ID)),
    errors.ConnectionExists(UUID(CONNECTION_ID)),
    errors.TooManyConnections(10),
    errors.ConnectionIsNotActive(UUID(CONNECTION_ID), "token_rejected"),
    errors.CanvasUserMismatch(),
    errors.CanvasUrlNotAllowed(
        "school.example is not an allowed Canvas host; an administrator can add it to"
        " CANVAS_ALLOWED_HOSTS."
    ),
    errors.SyncAlreadyRunning(UUID(SYNC_ID)),
    errors.NoSyncRunning(),
    errors.PersonIsErased(UUID(USER_ID)),
    AuthUserNotDeletable(),
    errors.CanvasTokenRejected(TOKEN_REJECTED_EXAMPLE),
    errors.CanvasUnreachable(no_canvas("school.instructure.com")),
    errors.CanvasTimeout("school.instructure.com did not respond in time; try again later."),
)
EXAMPLE_DETAILS = {
    **{SLUG_BY_ERROR[type(error)]: str(error) for error in EXAMPLE_ERRORS},
    "bad-request": DETAIL_BY_STATUS[400],
    "not-ready": not_ready_detail(["migrations"]),
    "rate-limited": RateLimitExceeded(DEFAULT, 30).detail,
}
"""Examples of `detail` by slug. A slug that is missing here has the text of its type."""

EXAMPLE_PATH_PARAMETERS = {
    "connection_id": CONNECTION_ID,
    "course_id": COURSE_ID,
    "assignment_id": ASSIGNMENT_ID,
    "user_id": USER_ID,
    "event_id": EVENT_EXAMPLE["event_id"],
    "change_id": RECEIPT_EXAMPLE["grade"]["event_id"],
    "name": "courses",
    "slug": "not-found",
}
MISSING_DETAILS = {
    "/projections/{name}": NO_READ_MODEL,
    "/proof/{event_id}": str(EventUnknown(UUID(EXAMPLE_PATH_PARAMETERS["event_id"]))),
}
"""The `detail` of `not-found` by a part of the path; without one it is the text of its type."""
EXAMPLE_MEMBERS: dict[str, dict[str, Any]] = {
    **{SLUG_BY_ERROR[type(error)]: members_of(error) for error in EXAMPLE_ERRORS},
    "not-ready": {
        "components": {
            "database": "ok",
            "migrations": "missing: 0005_idempotency; run easeboard migrate",
        }
    },
}
"""The members that a problem has in addition to those of RFC 9457, by slug."""


def example_problem(slug: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI example of a problem that an operation can return."""
    problem_type = PROBLEM_TYPES[slug]
    value = {
        "type": f"/problems/{slug}",
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": _example_detail(slug, path, operation.get("x-roles", [])),
        "instance": redact_path(_fill_path(path)),
        "request_id": f"example-of-{EXAMPLE_TIME[:10]}",
        **_example_members(slug, path, operation),
    }
    return {"summary": problem_type.title, "value": value}


def _fill_path(path: str) -> str:
    for name, value in EXAMPLE_PATH_PARAMETERS.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _example_members(slug: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    if slug == "invalid-request":
        parameters = operation.get("parameters", [])
        names = [each["name"] for each in parameters if each["in"] == "query"]
        return {"errors": [unknown_parameter_error("unknown", names)]}
    if slug == "not-found" and "{connection_id}" not in path:
        return {}
    return EXAMPLE_MEMBERS.get(slug, {})


def _example_detail(slug: str, path: str, roles: Iterable[str]) -> str:
    if slug == "forbidden":
        return missing_role_detail(roles)
    if slug == "not-found" and "{connection_id}" not in path:
        details = (text for part, text in MISSING_DETAILS.items() if part in path)
        return next(details, PROBLEM_TYPES[slug].detail)
    return EXAMPLE_DETAILS.get(slug, PROBLEM_TYPES[slug].detail)
