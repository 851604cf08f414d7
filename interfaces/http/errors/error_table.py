"""The one table from what went wrong inside to the problem a client sees."""

from collections.abc import Callable
from typing import Any

import psycopg
import psycopg_pool
from starlette.requests import Request

from domain import errors
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable
from infrastructure.projection_engine.rebuild_steps import RebuildRefused
from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken
from interfaces.http.errors.problem import Problem
from projections.support.page import BadCursor

RETRY_SOON = {"Retry-After": "1"}

SLUG_BY_ERROR: dict[type[Exception], str] = {
    errors.ConnectionNotFound: "not-found",
    errors.ConnectionExists: "connection-exists",
    errors.ConnectionIsNotActive: "connection-not-active",
    errors.CanvasUserMismatch: "canvas-user-mismatch",
    errors.CanvasUrlNotAllowed: "canvas-url-not-allowed",
    errors.SyncAlreadyRunning: "sync-already-running",
    errors.NoSyncRunning: "no-sync-running",
    errors.SyncIsOver: "conflict",
    errors.SyncNotDue: "conflict",
    errors.VersionConflict: "conflict",
    errors.PersonIsErased: "person-erased",
    errors.CanvasTokenRejected: "canvas-token-rejected",
    errors.CanvasForbidden: "canvas-token-rejected",
    errors.CanvasThrottled: "canvas-unreachable",
    errors.CanvasUnreachable: "canvas-unreachable",
    errors.CanvasResponseUnusable: "canvas-unreachable",
    errors.CanvasTimeout: "canvas-timeout",
    errors.ConnectionUnusable: "connection-not-active",
}
"""A refusal's own words are the detail; its ids named here become members."""

MEMBER_NAMES = ("connection_id", "sync_id")


def from_refusal(_: Request, refusal: Exception) -> Problem:
    """The problem of a refusal or of a failure of Canvas."""
    members = {name: getattr(refusal, name) for name in MEMBER_NAMES if hasattr(refusal, name)}
    slug = next(SLUG_BY_ERROR[kind] for kind in type(refusal).__mro__ if kind in SLUG_BY_ERROR)
    return Problem(slug, str(refusal), **members)


def from_bad_cursor(_: Request, __: Exception) -> Problem:
    """The problem of a cursor that is none of ours."""
    return Problem("bad-cursor", "This is not a cursor of this list.")


def from_bad_data(request: Request, error: Exception) -> Problem:
    """PostgreSQL refuses a value: only a made-up cursor can carry one that far."""
    if "cursor" not in request.query_params:
        raise error
    return from_bad_cursor(request, error)


def from_database_busy(_: Request, __: Exception) -> Problem:
    """The problem of a database with more to do than it can."""
    return Problem("database-busy", "The database has too much to do just now.", headers=RETRY_SOON)


def from_database_outage(_: Request, __: Exception) -> Problem:
    """The problem of a database that does not answer."""
    return Problem("database-unavailable", "The database does not answer.", headers=RETRY_SOON)


def from_outdated_read_model(_: Request, __: Exception) -> Problem:
    """The problem of a read model that is still the one of the release before."""
    detail = "This is being made anew after an upgrade; ask again when that is done."
    return Problem("projection-behind", detail, headers={"Retry-After": "5"})


def from_rebuild_refused(_: Request, refusal: Exception) -> Problem:
    """The problem of a rebuild that cannot begin."""
    return Problem("rebuild-running", str(refusal))


def from_invalid_token(_: Request, error: Exception) -> Problem:
    """The problem of a token we do not accept (RFC 6750)."""
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return Problem("unauthorized", str(error), headers=challenge)


def from_identity_provider_outage(_: Request, __: Exception) -> Problem:
    """The problem of keys that cannot be had: the token may well be good."""
    return Problem(
        "identity-unavailable",
        "The keys of the identity provider cannot be had.",
        headers=RETRY_SOON,
    )


ErrorTranslator = Callable[[Request, Any], Problem]

ERROR_TABLE: dict[type[Exception], ErrorTranslator] = {
    **dict.fromkeys(SLUG_BY_ERROR, from_refusal),
    RebuildRefused: from_rebuild_refused,
    InvalidToken: from_invalid_token,
    IdentityProviderUnavailable: from_identity_provider_outage,
    BadCursor: from_bad_cursor,
    psycopg.DataError: from_bad_data,
    DatabaseBusy: from_database_busy,
    psycopg_pool.PoolTimeout: from_database_busy,
    psycopg_pool.TooManyRequests: from_database_busy,
    psycopg.errors.QueryCanceled: from_database_busy,
    psycopg.errors.UndefinedColumn: from_outdated_read_model,
    DatabaseUnavailable: from_database_outage,
    psycopg.OperationalError: from_database_outage,
}
