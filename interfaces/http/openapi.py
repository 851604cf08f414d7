"""The OpenAPI document: FastAPI's description of each route, with its problems and headers."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI

from interfaces.http.errors.problem import PROBLEM_MEDIA_TYPE
from interfaces.http.errors.problem_types import PROBLEM_TYPES
from interfaces.http.schemas.example_problems import example_problem
from interfaces.http.schemas.examples import example_of

Operation = dict[str, Any]

DOCUMENT_DESCRIPTION = """\
Keeps a copy of students' Canvas courses, assignments and grades up to date.

- Send `Authorization: Bearer <Supabase access token>` with every request under `/api/v1`.
- Every read returns the header `Consistency-Token`, and so does a command that changed something; a
  live message has the member `consistency_token`. A read that sends such a token back shows a state
  that includes what came with it.
- Reads return an `ETag` and support `If-None-Match`.
- Unknown query parameters and unknown fields of a body are refused, and so is a query parameter
  that is sent twice. The response lists at most 20 errors.
- Lists are returned in pages: send the `next_cursor` of a page as `cursor` to get the next page.
- Every error is a problem after [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457). Its `type` is
  the path of a page that explains the problem and what to do.
"""
TAG_DESCRIPTIONS = {
    "data": "Courses, assignments and grades of the user, as the last sync read them.",
    "connections": "Connections to Canvas accounts: set up, replace the token, synchronise, close.",
    "syncs": (
        "Syncs that are queued, running or finished.\n\nChanges are published as live messages "
        "(`LiveMessage`) in two ways: `GET /api/v1/sync/events` as server-sent events, and the "
        "WebSocket `/ws/sync-status`, which OpenAPI cannot describe. Authenticate the WebSocket "
        'within 5 seconds with the first message `{"type": "auth", "token": "<JWT>"}`, or with '
        'the subprotocols `["bearer", "<JWT>"]`. The first message is a `snapshot`. Then there '
        "is a `sync` for each change of a sync, and a `grade` for each changed grade. A scheduled "
        "sync that only repeats the failure of the one before gives no messages. The "
        "WebSocket closes with code 4401 if the token is missing, not valid or expired, with 4410 "
        "if the data of the user was erased (do not connect again), and with 1013 if the client "
        "does not read or the service cannot continue: connect again."
    ),
    "dashboard": "Totals for a dashboard.",
    "calendar": (
        "A calendar of due dates for calendar programs such as Google Calendar, Apple Calendar "
        "and Outlook. Its address is a secret: everyone who has it can read the due dates."
    ),
    "audit": (
        "The history of connections, for auditors. Each read needs a purpose, and is recorded "
        "with it before anything is sent. A read with the `ETag` of a page that you have is not "
        "recorded again while the page has not changed."
    ),
    "me": "The user as a whole: take everything along, find out who looked, or be erased.",
    "admin": "What is wrong, the operational state, read models and erasures, for admins.",
    "operations": "Health, metrics and explanations of problems. They need no token.",
}
RATE_LIMIT_SLUGS = tuple(slug for slug, kind in PROBLEM_TYPES.items() if kind.status == 429)  # noqa: PLR2004  # too many
"""Problems with status 429, which every protected operation can return."""
GENERAL_SLUGS = ("internal-error",)
OVERLOAD_SLUGS = ("overloaded",)
DATABASE_SLUGS = ("database-busy", "database-unavailable")

SHARED_SLUGS: tuple[tuple[Callable[[Operation], Any], tuple[str, ...]], ...] = (
    (lambda _: True, GENERAL_SLUGS),
    (
        lambda operation: "security" in operation,
        (*DATABASE_SLUGS, *RATE_LIMIT_SLUGS, *OVERLOAD_SLUGS),
    ),
    (
        lambda operation: "security" in operation,
        ("unauthorized", "identity-unavailable", "invalid-request"),
    ),
    (lambda operation: "x-roles" in operation, ("forbidden",)),
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
    (lambda operation: "Purpose" in _parameter_names(operation), ("purpose-required",)),
    (
        lambda operation: "Consistency-Token" in _parameter_names(operation),
        ("bad-consistency-token", "projection-behind"),
    ),
)
"""Problems that an operation can return, by a condition on the operation."""

RETRY_AFTER_STATUSES = (429, 503)
IF_NONE_MATCH_PARAMETER = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` of the response you have: 304 if it has not changed",
}
HEADER_DESCRIPTIONS = {
    "X-Request-ID": "The id of this request: the one you sent if it is valid, else a new one",
    "ETag": "Identifies this content; send it as `If-None-Match`",
    "Consistency-Token": (
        "The state that is shown, or that the command led to; send it with a read, so that the"
        " response includes this state"
    ),
    "Retry-After": "Seconds to wait before the next attempt",
    "Location": "The path of the created resource",
}


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application; it is built at the first call."""
    if app.openapi_schema is None:
        document = app.openapi()
        document["info"]["description"] = DOCUMENT_DESCRIPTION
        document["servers"] = [{"url": "/", "description": "The server of this document"}]
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


def _reads_models(operation: Operation) -> bool:
    return "Consistency-Token" in _parameter_names(operation)


def _is_conditional(operation: Operation, *, is_document: bool) -> bool:
    """Return whether a read has an `ETag`: a route declares it, or it reads read models."""
    is_usual = is_document and _reads_models(operation)
    return bool(operation.pop("x-conditional", is_usual))


def _complete_operation(operation: Operation, path: str, *, is_read: bool) -> None:
    responses = operation["responses"]
    own = responses.pop("default", {}).get("x-problems", ())
    [(status, success)] = responses.items()
    _add_headers(success, "X-Request-ID")
    is_document = _add_examples(success.get("content", {}))
    if not is_read:
        usual_headers = ["Consistency-Token", *(["Location"] if status == "201" else [])]
        _add_headers(success, *operation.pop("x-headers", usual_headers))
    elif _is_conditional(operation, is_document=is_document):
        token = ["Consistency-Token"] if _reads_models(operation) else []
        operation.setdefault("parameters", []).append(IF_NONE_MATCH_PARAMETER)
        _add_headers(success, "ETag", *token)
        responses["304"] = {"description": "Not changed since the `ETag` you sent"}
        _add_headers(responses["304"], "X-Request-ID", "ETag", *token)
    for status, slugs in _group_by_status({*own, *_shared_slugs(operation)}):
        responses[status] = _problem_response(slugs, path, operation)


def _add_examples(content: dict[str, Any]) -> bool:
    """Add an example to each schema, remove FastAPI's default; return whether it is JSON."""
    default = content.get("application/json", {})
    if len(content) > 1 and "$ref" not in default.get("schema", {}):
        content.pop("application/json", None)  # FastAPI adds it to every response
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


def _problem_response(slugs: list[str], path: str, operation: Operation) -> dict[str, Any]:
    """Return the response of one status: a list of its problems, each with an example."""
    description = "\n".join(f"- `{slug}`: {PROBLEM_TYPES[slug].detail}" for slug in slugs)
    response: dict[str, Any] = {
        "description": description,
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemDocument"},
                "examples": {slug: example_problem(slug, path, operation) for slug in slugs},
            }
        },
    }
    can_retry = any(PROBLEM_TYPES[slug].status in RETRY_AFTER_STATUSES for slug in slugs)
    _add_headers(response, "X-Request-ID", *(["Retry-After"] if can_retry else []))
    return response
