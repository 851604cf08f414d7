"""Builds responses: read models deliver ready JSON, so a read adds an `ETag`, or returns 304."""

from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import Request, Response

from domain.log_position import LogPosition
from interfaces.consistency_token import encode_consistency_token
from interfaces.http.context import app_state_of, request_context_of
from interfaces.http.middleware.document_responses import (
    client_state,
    compressed,
    describe,
    respond,
)
from interfaces.queries.kept_documents import KeptDocument
from projections.support.json_documents import encode_array
from projections.support.page import Page


def document_response(
    request: Request,
    document: bytes,
    place: LogPosition | None = None,
    *,
    changes_at: datetime | None = None,
    open_circuits: int | None = None,
) -> Response:
    """Return a JSON document with its `ETag`, or 304 if the client has it (RFC 9110, 13.1.2).

    With a `place`, the response has the consistency token of it. The clock changes the document at
    `changes_at`; it shows circuits that have the digest `open_circuits`. A large document is sent
    in pieces.
    """
    ready = prepare_document(request, document, place, changes_at, open_circuits)
    return prepared_response(request, ready, document, place)


def prepare_document(
    request: Request,
    document: bytes,
    place: LogPosition | None,
    changes_at: datetime | None = None,
    open_circuits: int | None = None,
) -> KeptDocument:
    """Return a document as it is sent or kept. A caller can do this in a thread."""
    ready = describe(document, place, changes_at, open_circuits)
    client = client_state(request.scope)
    is_sent_as_gzip = client.accepts_gzip and not client.has(ready.etag)
    return compressed(ready) if is_sent_as_gzip or _may_keep(request, changes_at) else ready


def prepared_response(
    request: Request, ready: KeptDocument, document: bytes, place: LogPosition | None
) -> Response:
    """Keep a document of `prepare_document` if that is possible, and return the response."""
    context, documents = request_context_of(request), app_state_of(request).kept_documents
    if place and documents:
        person_id = context.require_principal().id
        documents.note_shown(person_id, place)
        if context.document_key and _may_keep(request, ready.changes_at):
            documents.keep(person_id, context.document_key, ready, place)
    return respond(ready, client_state(request.scope), document)


def _may_keep(request: Request, changes_at: datetime | None) -> bool:
    has_key = request_context_of(request).document_key is not None
    return has_key and (changes_at is None or changes_at > datetime.now(UTC))


def read_headers(entity_tag: str, place: LogPosition | None = None) -> dict[str, str]:
    """Return the headers of a read: `ETag`, token, and that a cache must check it."""
    headers = {"ETag": entity_tag, "Cache-Control": "private, no-cache"}
    return headers if place is None else headers | token_headers(place)


def token_headers(place: LogPosition) -> dict[str, str]:
    """Return the header `Consistency-Token` of a response that shows the state at a place."""
    return {"Consistency-Token": encode_consistency_token(place)}


def has_current(request: Request, entity_tag: str) -> bool:
    """Return whether the client has the document of this `ETag` (RFC 9110, 13.1.2)."""
    return client_state(request.scope).has(entity_tag.removeprefix("W/").encode("ascii"))


def page_response(request: Request, page: Page, place: LogPosition | None = None) -> Response:
    """Return a page of a list: `{"items": […], "next_cursor": …}`."""
    return document_response(
        request,
        page_document(page),
        place,
        changes_at=page.changes_at,
        open_circuits=page.open_circuits,
    )


def page_document(page: Page) -> bytes:
    """Return the JSON of a page."""
    cursor = orjson.dumps(page.next_cursor)
    return b'{"items":%b,"next_cursor":%b}' % (encode_array(page.items), cursor)


def command_response(document: Any, status: int, **headers: str) -> Response:
    """Return the response to a command, as JSON that may not be cached."""
    return Response(
        orjson.dumps(document, option=orjson.OPT_UTC_Z),
        status,
        {"Cache-Control": "no-store", **headers},
        media_type="application/json",
    )
