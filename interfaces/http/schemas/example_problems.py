"""Example problems for the OpenAPI document, with the texts of real ones. Tests compare them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain import errors
from interfaces.http.auth.protected_route import missing_role_detail
from interfaces.http.errors.error_table import SLUG_BY_ERROR
from interfaces.http.errors.problem_types import PROBLEM_TYPES, not_ready_detail
from interfaces.http.middleware.rate_budget import RateLimitExceeded
from interfaces.http.middleware.rate_limit_policies import DEFAULT
from interfaces.http.schemas.examples import (
    CONNECTION_ID,
    EXAMPLE_TIME,
    SYNC_ID,
    TOKEN_REJECTED_EXAMPLE,
    USER_ID,
)

EXAMPLE_ERRORS: tuple[errors.DomainError | errors.CanvasFailure, ...] = (
    errors.ConnectionNotFound(UUID(CONNECTION_ID)),
    errors.ConnectionExists(UUID(CONNECTION_ID)),
    errors.ConnectionIsNotActive(UUID(CONNECTION_ID), "token_rejected"),
    errors.CanvasUserMismatch(),
    errors.CanvasUrlNotAllowed(
        "school.example is not an allowed Canvas host; an administrator can add it to"
        " CANVAS_ALLOWED_HOSTS."
    ),
    errors.SyncAlreadyRunning(UUID(SYNC_ID)),
    errors.NoSyncRunning(),
    errors.VersionConflict(UUID(CONNECTION_ID)),
    errors.PersonIsErased(UUID(USER_ID)),
    errors.CanvasTokenRejected(TOKEN_REJECTED_EXAMPLE),
    errors.CanvasUnreachable(
        "school.instructure.com failed with server error 503; try again later."
    ),
    errors.CanvasTimeout("school.instructure.com did not respond in time; try again later."),
)
EXAMPLE_DETAILS = {
    **{SLUG_BY_ERROR[type(error)]: str(error) for error in EXAMPLE_ERRORS},
    "not-ready": not_ready_detail(["migrations"]),
    "rate-limited": RateLimitExceeded(DEFAULT, 30).detail,
}
"""Examples of `detail` by slug. A slug that is missing here has the text of its type."""

EXAMPLE_MEMBERS: dict[str, dict[str, Any]] = {
    "connection-exists": {"connection_id": CONNECTION_ID},
    "sync-already-running": {"sync_id": SYNC_ID},
    "invalid-request": {
        "errors": [{"loc": ["body", "api_token"], "msg": "Field required", "type": "missing"}]
    },
    "not-ready": {"components": {"database": "ok", "migrations": "0005_idempotency not applied"}},
}
"""The members that a problem has in addition to those of RFC 9457, by slug."""


def example_problem(slug: str, path: str, roles: Iterable[str]) -> dict[str, Any]:
    """Return an OpenAPI example of a problem of a route, which may need one of these roles."""
    problem_type = PROBLEM_TYPES[slug]
    value = {
        "type": f"/problems/{slug}",
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": _example_detail(slug, path, roles),
        "instance": path.replace("{connection_id}", CONNECTION_ID),
        "request_id": f"example-of-{EXAMPLE_TIME[:10]}",
        **EXAMPLE_MEMBERS.get(slug, {}),
    }
    return {"summary": problem_type.title, "value": value}


def _example_detail(slug: str, path: str, roles: Iterable[str]) -> str:
    if slug == "forbidden":
        return missing_role_detail(roles)
    if slug == "not-found" and "{connection_id}" not in path:
        return PROBLEM_TYPES[slug].detail
    return EXAMPLE_DETAILS.get(slug, PROBLEM_TYPES[slug].detail)
