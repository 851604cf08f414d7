"""Answers reads with documents that are kept, without a slot and without the database."""

from collections.abc import Mapping
from functools import lru_cache

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from application.event_metadata import current_metadata
from interfaces.http.auth.principal import Principal
from interfaces.http.auth.protected_route import AuthenticatedRoute
from interfaces.http.context import RequestContext, request_context_of
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.document_responses import respond_kept
from interfaces.queries.kept_documents import KeptDocument, KeptDocuments

KEPT_PATHS = frozenset(
    {
        "/api/v1/canvas/connections",
        "/api/v1/canvas/courses",
        "/api/v1/canvas/assignments",
        "/api/v1/canvas/grades",
        "/api/v1/canvas/grades/history",
        "/api/v1/canvas/data",
        "/api/v1/dashboard/stats",
        "/api/v1/sync/logs",
        "/api/v1/sync/status",
    }
)
"""Paths of the reads whose documents are kept. None of them has a rate limit or needs a role.

What shows `next_sync_at` must have the digest of the open circuits, which change it without an
event.
"""
MAX_QUERY_BYTES = 300
"""Bytes of a query string above which the document is not kept."""
MAX_KNOWN_QUERIES = 1024
UNHANDLED_HEADERS = frozenset({b"content-length", b"transfer-encoding"})
"""A request that has a body goes the ordinary way, where the body is limited."""


class KeptResponseMiddleware:
    """ASGI middleware: answers what a route would answer, if that is kept; else passes it on.

    The user is authenticated and the request is counted already. Everything that is not plain, for
    example a wrong parameter, is left to the route.
    """

    def __init__(
        self, app: ASGIApp, documents: KeptDocuments, routes: Mapping[str, AuthenticatedRoute]
    ) -> None:
        self._app = app
        self._documents = documents
        self._routes = routes
        self._key_of = lru_cache(maxsize=MAX_KNOWN_QUERIES)(self._key_of_query)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] not in self._routes:
            return await self._app(scope, receive, send)
        context = request_context_of(scope)
        document = self._find(scope, context)
        if document is None:
            return await self._app(scope, receive, send)
        scope["route"] = self._routes[scope["path"]]
        try:
            response = await respond_kept(document, scope)
            await response(scope, receive, send)
        except Problem as problem:
            await problem_response(problem, scope)(scope, receive, send)
        finally:
            if context.large_response:
                context.large_response.release()

    def _find(self, scope: Scope, context: RequestContext) -> KeptDocument | None:
        principal, query = context.auth_result, scope["query_string"]
        is_plain = scope["method"] == "GET" and len(query) <= MAX_QUERY_BYTES
        if not is_plain or context.unread_query or not isinstance(principal, Principal):
            return None
        sent = {name for name, _ in scope["headers"]}
        is_handled = sent.isdisjoint(UNHANDLED_HEADERS)
        context.document_key = self._key_of(scope["path"], query) if is_handled else None
        if context.document_key is None:
            return None
        document = self._documents.find(principal.id, context.document_key)
        if b"consistency-token" in sent:
            # Only the database knows whether the log has lost this place a moment ago.
            return None
        if document:
            current_metadata().actor = str(principal.id)
        return document

    def _key_of_query(self, path: str, query: bytes) -> str | None:
        """Return the key of a path with its parameters; None if one of them is not valid."""
        call = self._routes[path].direct_call
        sent = QueryParams(query)
        if call is None or len(sent) != len(sent.multi_items()):
            return None
        values, errors = call.parameters.read({}, sent)
        if errors or not call.parameters.names.issuperset(sent):
            return None
        changed = call.parameters.changed(values)
        return f"{path} {changed!r}" if changed else path
