"""The state that middleware and routes share: one object per application, one per request."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette

from infrastructure.rate_limiting.counters import RequestCounters
from interfaces.http.auth.principal import (
    Authenticator,
    IdentityProviderUnavailable,
    InvalidToken,
    Principal,
)
from interfaces.http.errors.problem import Problem
from interfaces.http.middleware.concurrency_limiter import ConcurrencyLimiter, Slot
from interfaces.http.middleware.rate_budget import RateBudget, RateLimitExceeded
from interfaces.http.middleware.request_limiters import (
    create_large_response_limiter,
    create_setup_limiter,
)
from interfaces.http.schemas.query_strings import UnreadQuery
from interfaces.live.connection_limits import ConnectionLimits
from interfaces.live.stream import LiveUpdates
from interfaces.queries.kept_documents import KeptDocuments
from interfaces.service import Service

AuthResult = Principal | InvalidToken | IdentityProviderUnavailable | RateLimitExceeded
"""The user of a token, or the reason why the token is not accepted.

RateLimitExceeded means that the token is not accepted and the quota of the address is used up.
"""

REQUEST_CONTEXT_KEY = "easeboard.request_context"
"""The key of the RequestContext in an ASGI scope. HEAD requests copy the scope, not the context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """The state of the application: what it was created with, and what it needs until its end."""

    service: Service
    authenticator: Authenticator
    live_updates: LiveUpdates
    request_counters: RequestCounters
    allowed_origins: frozenset[str]
    """`CORS_ORIGINS`: web origins whose pages may open a WebSocket; empty if any page may."""
    kept_documents: KeptDocuments | None = None
    """Documents that are sent again without asking the database; None if none are kept."""
    connection_limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    set_up_turns: ConcurrencyLimiter = field(default_factory=create_setup_limiter)
    """Its slots are set-ups that are being executed."""
    large_responses: ConcurrencyLimiter = field(default_factory=create_large_response_limiter)
    """Its slots are large responses that clients have not read yet."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server begins to shut down, so that open event streams end."""


@dataclass(slots=True)
class RequestContext:
    """The state of one request or WebSocket. Each middleware sets its own part."""

    request_id: str
    rate_budget: RateBudget
    auth_result: AuthResult | None = None
    """Written by the authentication middleware; None without a bearer token."""
    slot: Slot | None = None
    """Written by admission control; None for a request that needs no slot."""
    large_response: Slot | None = None
    """Reserved for a large response; admission control releases it at the end of the request."""

    unread_query: UnreadQuery | None = None
    """Written by the query limit if only the beginning of the query string is read."""

    document_key: str | None = None
    """The name under which the document of the response may be kept; None if it may not."""

    def require_principal(self) -> Principal:
        """Return the authenticated user.

        Raises: Problem `unauthorized` if there is no token; InvalidToken or
        IdentityProviderUnavailable if the token was not accepted.
        """
        if self.auth_result is None:
            challenge = {"WWW-Authenticate": "Bearer"}
            raise Problem("unauthorized", headers=challenge)
        if not isinstance(self.auth_result, Principal):
            raise self.auth_result
        return self.auth_result


def set_app_state(app: Starlette, state: AppState) -> None:
    """Attach the state to the application; `app_state_of` reads it."""
    app.state.app_state = state


def app_state_of(source: Starlette | Mapping[str, Any]) -> AppState:
    """Return the state of an application, or of the one that a request belongs to.

    `source` is the application, a Request, a WebSocket or an ASGI scope.
    """
    app = source if isinstance(source, Starlette) else source["app"]
    state: AppState = app.state.app_state
    return state


def request_context_of(connection: Mapping[str, Any]) -> RequestContext:
    """Return the context of a Request, a WebSocket or an ASGI scope.

    RequestContextMiddleware, the outermost middleware, has set it.
    """
    context: RequestContext = connection[REQUEST_CONTEXT_KEY]
    return context
