import time
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request, WebSocket

from infrastructure.rate_limiting.counters import RequestCounters
from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken, Principal
from interfaces.http.context import (
    REQUEST_CONTEXT_KEY,
    RequestContext,
    app_state_of,
    request_context_of,
)
from interfaces.http.errors.problem import Problem
from interfaces.http.middleware.rate_budget import RateBudget, RateLimitExceeded
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS
from tests.dev_tokens import ADA


def new_context() -> RequestContext:
    return RequestContext("request-1", RateBudget(RequestCounters()))


async def receive_nothing() -> Any:
    raise AssertionError("no message is expected")


async def send_nothing(_: Any) -> None:
    raise AssertionError("no message is expected")


def test_a_request_and_a_websocket_have_the_objects_of_their_scope(app: FastAPI) -> None:
    scope = {"app": app, "headers": [], REQUEST_CONTEXT_KEY: new_context()}
    connections: list[Mapping[str, Any]] = [
        scope,
        Request({**scope, "type": "http"}),
        WebSocket({**scope, "type": "websocket"}, receive_nothing, send_nothing),
    ]
    for connection in connections:
        assert request_context_of(connection) is scope[REQUEST_CONTEXT_KEY]
        assert app_state_of(connection) is app_state_of(app)


async def test_every_request_has_a_context_of_its_own(
    app: FastAPI, anonymous: httpx2.AsyncClient
) -> None:
    contexts = []

    @app.get("/context")
    async def context(request: Request) -> None:
        contexts.append(request_context_of(request))

    for _ in range(2):
        await anonymous.get("/context", headers={"X-Request-ID": "me-1"})
    first, second = contexts
    assert (first.request_id, second.request_id) == ("me-1", "me-1")
    assert first is not second
    assert first.slot is not second.slot


def test_the_authenticated_user_is_returned() -> None:
    context = new_context()
    context.auth_result = principal = Principal(ADA, frozenset({"student"}), time.time() + 60)
    assert context.require_principal() is principal


@pytest.mark.parametrize(
    "result",
    [InvalidToken("expired"), IdentityProviderUnavailable(), RateLimitExceeded(ANONYMOUS, 30)],
    ids=lambda result: type(result).__name__,
)
def test_the_reason_why_a_token_is_not_accepted_is_raised(result: Any) -> None:
    context = new_context()
    context.auth_result = result
    with pytest.raises(type(result)) as raised:
        context.require_principal()
    assert raised.value is result


def test_a_request_without_a_token_is_unauthorized() -> None:
    with pytest.raises(Problem) as raised:
        new_context().require_principal()
    assert raised.value.slug == "unauthorized"
    assert raised.value.headers == {"WWW-Authenticate": "Bearer"}
