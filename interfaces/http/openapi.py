"""The OpenAPI document: what FastAPI knows of each route, and what can go wrong on it."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI

from interfaces.http.errors.problem import PROBLEM_MEDIA_TYPE, PROBLEM_TYPES
from interfaces.http.schemas.examples import CONNECTION_ID, EXAMPLE_TIME, SYNC_ID, example_of

Operation = dict[str, Any]

DOCUMENT_DESCRIPTION = """\
Keeps students' Canvas courses, assignments and grades in step.

Send `Authorization: Bearer <Supabase access token>`. Commands that changed something answer with a
`Consistency-Token`; a read that sends it back includes the effect. Reads carry an `ETag` and honour
`If-None-Match`. Lists are pages: send `next_cursor` back as `cursor`. Whatever goes wrong is an
[RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem whose `type` tells which, and where to
read what to do about it.
"""
TAG_DESCRIPTIONS = {
    "data": "Courses, assignments and grades of the caller, as the last sync found them.",
    "connections": "Connections to Canvas accounts: set up, replace the token, synchronise, close.",
    "syncs": (
        "What is being synchronised, and what was.\n\nChanges are told as they happen, with the "
        "same messages (`LiveMessage`) in two ways: `GET /api/v1/sync/events` as server-sent "
        "events, and the WebSocket `/ws/sync-status`, which OpenAPI cannot describe. Over the "
        "WebSocket say who you are within 5 s with the first message "
        '`{"type": "auth", "token": "<JWT>"}`, or offer the subprotocols `["bearer", "<JWT>"]`. '
        "A `snapshot` comes first, then a `sync` at each change and a `grade` for each that "
        "differs. It closes with 4401 when the token is missing, bad or has expired, and with "
        "1013 when you do not read or the service has to let you go: connect again."
    ),
    "dashboard": "The numbers of a dashboard.",
    "audit": "Recorded history, for auditors; whoever reads it is recorded.",
    "admin": "The read models, for admins.",
    "operations": "For the machines of whoever runs the service.",
}
RATE_LIMIT_SLUGS = tuple(slug for slug, kind in PROBLEM_TYPES.items() if kind.status == 429)  # noqa: PLR2004  # too many
GENERAL_SLUGS = ("internal-error",)
OVERLOAD_SLUGS = ("overloaded",)
DATABASE_SLUGS = ("database-busy", "database-unavailable")

SHARED_SLUGS: tuple[tuple[Callable[[Operation], Any], tuple[str, ...]], ...] = (
    (lambda _: True, GENERAL_SLUGS),
    (
        lambda operation: "security" in operation,
        (*DATABASE_SLUGS, *RATE_LIMIT_SLUGS, *OVERLOAD_SLUGS),
    ),
    (lambda operation: "security" in operation, ("unauthorized", "identity-unavailable")),
    (lambda operation: "x-roles" in operation, ("forbidden",)),
    (lambda operation: _parameter_names(operation) - {"slug", "Prefer"}, ("invalid-request",)),
    (lambda operation: "requestBody" in operation, ("invalid-request",)),
    (
        lambda operation: (
            "requestBody" in operation or "Idempotency-Key" in _parameter_names(operation)
        ),
        ("bad-request", "body-too-large"),
    ),
    (
        lambda operation: "Idempotency-Key" in _parameter_names(operation),
        ("idempotency-key-in-use", "idempotency-key-reused"),
    ),
    (lambda operation: "cursor" in _parameter_names(operation), ("bad-cursor",)),
    (
        lambda operation: "Consistency-Token" in _parameter_names(operation),
        ("bad-consistency-token", "projection-behind"),
    ),
)
"""What an operation has, and the problems that come with it."""

EXAMPLE_MEMBERS: dict[str, dict[str, Any]] = {
    "connection-exists": {"connection_id": CONNECTION_ID},
    "sync-already-running": {"sync_id": SYNC_ID},
    "invalid-request": {
        "errors": [{"loc": ["body", "api_token"], "msg": "Field required", "type": "missing"}]
    },
    "not-ready": {"components": {"database": "ok", "migrations": "0005_idempotency not applied"}},
}
RETRY_AFTER_STATUSES = (429, 503)
IF_NONE_MATCH_PARAMETER = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` of the answer you have: 304 when it is still the same",
}
HEADER_DESCRIPTIONS = {
    "X-Request-ID": "The id of this request: as you sent it, or drawn anew",
    "ETag": "Names this very answer",
    "Consistency-Token": "Send it back with a read to have the effect included",
    "Retry-After": "Seconds to wait before you ask again",
    "Location": "Where it is",
}


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of an application, worked out once."""
    if app.openapi_schema is None:
        document = app.openapi()
        document["info"]["description"] = DOCUMENT_DESCRIPTION
        document["servers"] = [{"url": "/", "description": "The service this comes from"}]
        document["tags"] = [
            {"name": name, "description": text} for name, text in TAG_DESCRIPTIONS.items()
        ]
        document["components"]["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in HEADER_DESCRIPTIONS.items()
        }
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                _complete_operation(operation, path, is_read=method == "get")
    return app.openapi_schema or {}


def _parameter_names(operation: Operation) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", ())}


def _complete_operation(operation: Operation, path: str, *, is_read: bool) -> None:
    responses = operation["responses"]
    own = responses.pop("default", {}).get("x-problems", ())
    [(status, success)] = responses.items()
    _add_headers(success, "X-Request-ID", *(["Location"] if status == "201" else []))
    is_document = _add_examples(success.get("content", {}))
    if not is_read:
        _add_headers(success, "Consistency-Token")
    elif is_document and "Consistency-Token" in _parameter_names(operation):
        operation["parameters"].append(IF_NONE_MATCH_PARAMETER)
        _add_headers(success, "ETag")
        responses["304"] = {"description": "You have it already"}
        _add_headers(responses["304"], "X-Request-ID", "ETag")
    for status, slugs in _group_by_status({*own, *_shared_slugs(operation)}):
        responses[status] = _problem_response(slugs, path)


def _add_examples(content: dict[str, Any]) -> bool:
    """Give every shape its example, and leave one kind of content; whether that is JSON."""
    if len(content) > 1:
        content.pop("application/json")  # FastAPI's guess
    for media in content.values():
        if reference := media["schema"].get("$ref"):
            media["schema"] = {"$ref": reference}
            media["example"] = example_of(reference.rpartition("/")[2])
    return "application/json" in content


def _add_headers(response: dict[str, Any], *names: str) -> None:
    headers = response.setdefault("headers", {})
    headers.update({name: {"$ref": f"#/components/headers/{name}"} for name in names})


def _shared_slugs(operation: Operation) -> Iterator[str]:
    for applies, slugs in SHARED_SLUGS:
        if applies(operation):
            yield from slugs


def _group_by_status(slugs: set[str]) -> Iterator[tuple[str, list[str]]]:
    for status in sorted({PROBLEM_TYPES[slug].status for slug in slugs}):
        yield str(status), sorted(slug for slug in slugs if PROBLEM_TYPES[slug].status == status)


def _problem_response(slugs: list[str], path: str) -> dict[str, Any]:
    """The answer of one status: which problems it may be, each with an example."""
    description = "\n".join(
        f"- `{slug}`: {PROBLEM_TYPES[slug].title}. {PROBLEM_TYPES[slug].advice}" for slug in slugs
    )
    response: dict[str, Any] = {
        "description": description,
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemDocument"},
                "examples": {slug: _problem_example(slug, path) for slug in slugs},
            }
        },
    }
    can_retry = any(PROBLEM_TYPES[slug].status in RETRY_AFTER_STATUSES for slug in slugs)
    _add_headers(response, "X-Request-ID", *(["Retry-After"] if can_retry else []))
    return response


def _problem_example(slug: str, path: str) -> dict[str, Any]:
    problem_type = PROBLEM_TYPES[slug]
    value = {
        "type": f"/problems/{slug}",
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": problem_type.advice,
        "instance": path.replace("{connection_id}", CONNECTION_ID),
        "request_id": f"example-of-{EXAMPLE_TIME[:10]}",
        **EXAMPLE_MEMBERS.get(slug, {}),
    }
    return {"summary": problem_type.title, "value": value}
