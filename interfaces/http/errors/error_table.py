"""The table of exceptions of the program and the problems that clients get for them."""

from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from starlette.requests import Request

from application.erase_person import AuthUserNotDeletable
from application.settle_dead_letter import LetterNotFound
from domain import errors
from infrastructure.crypto.person_keys import PersonKeyUnreadable
from infrastructure.event_store.errors import EventUnreadable, describe_error
from infrastructure.event_store.timelines import UnknownPlace
from infrastructure.observability.redaction import redact_path
from infrastructure.postgres.errors import (
    BUSY_ERRORS,
    UNAVAILABLE_ERRORS,
    DatabaseBusy,
    DatabaseReadOnly,
    NoConnection,
)
from infrastructure.projection_engine.rebuild_steps import RebuildRefused
from infrastructure.projection_engine.refold import RefoldRefused
from infrastructure.projection_engine.rollback import RollbackRefused
from infrastructure.projection_engine.verification import VerificationRefused
from infrastructure.queue.syncing_switch import SyncingIsOff
from infrastructure.seals.event_proofs import EventChanged
from infrastructure.seals.receipts.make_receipt import (
    GradeNotCommitted,
    GradeNotSealed,
    GradeUnknown,
)
from infrastructure.seals.seal_store import TilesMissing
from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken
from interfaces.http.errors.problem import Problem
from interfaces.http.errors.problem_types import PROBLEM_TYPES, RETRY_ADVICE
from interfaces.queries.history_pages import LogNotSettled
from interfaces.queries.log_proofs import EventUnknown, NotSealedYet
from projections.support.page import BadCursor

RETRY_SOON = {"Retry-After": "1"}
REPORT_ADVICE = PROBLEM_TYPES["internal-error"].advice

logger = structlog.get_logger()

SLUG_BY_ERROR: dict[type[Exception], str] = {
    errors.ConnectionNotFound: "not-found",
    errors.ConnectionExists: "connection-exists",
    errors.TooManyConnections: "too-many-connections",
    errors.ConnectionIsNotActive: "connection-not-active",
    errors.CanvasUserMismatch: "canvas-user-mismatch",
    errors.CanvasUrlNotAllowed: "canvas-url-not-allowed",
    errors.SyncAlreadyRunning: "sync-already-running",
    errors.NoSyncRunning: "no-sync-running",
    errors.PersonIsErased: "person-erased",
    AuthUserNotDeletable: "auth-user-not-deletable",
    errors.CanvasTokenRejected: "canvas-token-rejected",
    errors.CanvasForbidden: "canvas-token-rejected",
    errors.CanvasNotFound: "canvas-unreachable",
    errors.CanvasThrottled: "canvas-unreachable",
    errors.CanvasUnreachable: "canvas-unreachable",
    errors.CanvasResponseUnusable: "canvas-unreachable",
    errors.CanvasTimeout: "canvas-timeout",
    errors.ConnectionUnusable: "connection-not-active",
    errors.DayIsUsedUp: "rate-limited",
}
"""The slug of each refusal of the domain and each failure of Canvas.

The text of the exception is the `detail`, so it must not contain a secret. SyncIsOver and
SyncNotDue reach only workers and the scheduler: in a request they are an internal error.
"""

MEMBER_NAMES = ("connection_id", "sync_id")
"""Attributes of an exception that become members of the problem."""


def from_refusal(_: Request, refusal: Exception) -> Problem:
    """Return the problem of a refusal of the domain or of a failure of Canvas."""
    slug = next(SLUG_BY_ERROR[kind] for kind in type(refusal).__mro__ if kind in SLUG_BY_ERROR)
    return Problem(slug, str(refusal), **members_of(refusal))


def members_of(refusal: Exception) -> dict[str, Any]:
    """Return the members of the problem of a refusal that name what it is about."""
    return {name: str(getattr(refusal, name)) for name in MEMBER_NAMES if hasattr(refusal, name)}


def from_limit(_: Request, limit: errors.LimitReached) -> Problem:
    """Return the problem of a request that a limit refuses for some seconds."""
    is_of_host = isinstance(limit, errors.TokenChecksOfHostLimited)
    headers = {"Retry-After": str(limit.retry_after_seconds)}
    return Problem("canvas-busy" if is_of_host else "rate-limited", str(limit), headers=headers)


def from_busy_connection(_: Request, __: Exception) -> Problem:
    """Return the problem of a command whose turn did not come, or that others always preceded."""
    return Problem("connection-busy", headers=RETRY_SOON)


def from_unknown_place(_: Request, __: Exception) -> Problem:
    """Return the problem of a consistency token of another log, or of a lost part of this one."""
    return Problem("bad-consistency-token")


def from_unreadable_event(request: Request, error: EventUnreadable) -> Problem:
    """Return the problem of an event that cannot be read; log which one it is, and why."""
    logger.error(
        "event_unreadable",
        path=redact_path(request.scope["path"]),
        position=error.position,
        stream=str(error.stream),
        version=error.version,
        topic=error.topic,
        reason=describe_error(error),
    )
    event = f"the event {error.topic} at position {error.position}"
    detail = f"This needs {event}, which cannot be decrypted or decoded."
    return Problem("internal-error", f"{detail} {REPORT_ADVICE}")


def from_unreadable_key(request: Request, error: PersonKeyUnreadable) -> Problem:
    """Return the problem of a person whose key cannot be decrypted, and log who it is."""
    logger.error(
        "person_key_unreadable",
        path=redact_path(request.scope["path"]),
        person_id=str(error.person_id),
    )
    detail = "The key with which the data of this person is encrypted cannot be decrypted."
    return Problem("internal-error", f"{detail} {REPORT_ADVICE}")


def from_bad_cursor(_: Request, __: Exception) -> Problem:
    """Return the problem of a cursor that this service did not make."""
    return Problem("bad-cursor")


def from_bad_data(request: Request, error: Exception) -> Problem:
    """Return the problem `bad-cursor`, or raise the error of a request without a cursor.

    PostgreSQL has refused a value. All other values are validated before, so it is in the cursor.
    """
    if "cursor" not in request.query_params:
        raise error
    return from_bad_cursor(request, error)


def from_database_busy(_: Request, __: Exception) -> Problem:
    """Return the problem of a full connection pool or of a query that took too long."""
    return Problem("database-busy", headers=RETRY_SOON)


def from_database_outage(_: Request, error: Exception) -> Problem:
    """Return the problem of a database that cannot be used, and log why."""
    logger.warning("database_unavailable", reason=str(error))
    return Problem("database-unavailable", headers=RETRY_SOON)


def from_read_only_database(_: Request, error: Exception) -> Problem:
    """Return the problem of a change while the database takes no writes, and log why."""
    logger.warning("database_unavailable", reason=str(error))
    detail = f"The database takes no changes at present; reads work. {RETRY_ADVICE}"
    return Problem("database-unavailable", detail, headers={"Retry-After": "5"})


def from_interface_error(request: Request, error: Exception) -> Problem:
    """Return the problem of a broken connection, and log the traceback.

    psycopg raises InterfaceError also for a wrong use of its API, which is a bug of this program.
    """
    logger.error("request_failed", path=redact_path(request.scope["path"]), exc_info=error)
    return from_database_outage(request, error)


def from_outdated_read_model(_: Request, __: Exception) -> Problem:
    """Return the problem of a read model whose tables are of an older release.

    A query names a column or a table that only the new version has; that version is being built.
    """
    detail = f"This view is being rebuilt after an upgrade. {RETRY_ADVICE}"
    return Problem("projection-behind", detail, headers={"Retry-After": "5"})


def from_log_not_settled(_: Request, __: Exception) -> Problem:
    """Return the problem of a read of the log whose appends are still open."""
    return Problem("projection-behind", headers=RETRY_SOON)


def from_unknown_event(_: Request, error: Exception) -> Problem:
    """Return the problem of an event that does not exist."""
    return Problem("not-found", str(error))


def from_not_sealed(_: Request, __: Exception) -> Problem:
    """Return the problem of an event that no signed checkpoint covers yet."""
    return Problem("not-sealed", headers={"Retry-After": "2"})


def from_changed_history(request: Request, error: Exception) -> Problem:
    """Return the problem of a row that is not as it was sealed, and log it."""
    logger.error("history_changed", path=redact_path(request.scope["path"]), reason=str(error))
    return Problem("history-changed", f"{error} Tell an operator.")


def from_rebuild_refused(_: Request, refusal: Exception) -> Problem:
    """Return the problem of a rebuild that cannot start."""
    return Problem("rebuild-running", str(refusal))


def from_missing_grade(_: Request, __: Exception) -> Problem:
    """Return the problem of a receipt of a grade that the user does not have."""
    return Problem("not-found")


def from_uncommitted_grade(_: Request, __: Exception) -> Problem:
    """Return the problem of a receipt of a grade that cannot be shown alone."""
    return Problem("grade-not-committed")


def from_missing_letter(_: Request, error: Exception) -> Problem:
    """Return the problem of a dead letter that does not exist, or no longer."""
    return Problem("not-found", str(error))


def from_rollback_refused(_: Request, refusal: Exception) -> Problem:
    """Return the problem of a read model without a version to go back to."""
    return Problem("no-earlier-version", str(refusal))


def from_syncing_off(_: Request, __: Exception) -> Problem:
    """Return the problem of a command that would contact Canvas from a restored copy."""
    return Problem("syncing-off", headers={"Retry-After": "60"})


def from_invalid_token(_: Request, error: Exception) -> Problem:
    """Return the problem of a token that is not accepted, with the challenge of RFC 6750."""
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return Problem("unauthorized", str(error), headers=challenge)


def from_identity_provider_outage(_: Request, error: IdentityProviderUnavailable) -> Problem:
    """Return the problem of keys that cannot be fetched: the token may be valid."""
    retry_after = {"Retry-After": str(error.retry_seconds)}
    return Problem("identity-unavailable", headers=retry_after)


ErrorTranslator = Callable[[Request, Any], Problem]
"""Makes the problem of an exception, or raises the exception again."""

ERROR_TABLE: dict[type[Exception], ErrorTranslator] = {
    **dict.fromkeys(SLUG_BY_ERROR, from_refusal),
    errors.LimitReached: from_limit,
    **dict.fromkeys((errors.ConnectionBusy, errors.VersionConflict), from_busy_connection),
    EventUnreadable: from_unreadable_event,
    PersonKeyUnreadable: from_unreadable_key,
    UnknownPlace: from_unknown_place,
    RebuildRefused: from_rebuild_refused,
    RollbackRefused: from_rollback_refused,
    LetterNotFound: from_missing_letter,
    GradeUnknown: from_missing_grade,
    GradeNotCommitted: from_uncommitted_grade,
    **dict.fromkeys((RefoldRefused, VerificationRefused), from_outdated_read_model),
    LogNotSettled: from_log_not_settled,
    EventUnknown: from_unknown_event,
    **dict.fromkeys((NotSealedYet, GradeNotSealed), from_not_sealed),
    **dict.fromkeys((EventChanged, TilesMissing), from_changed_history),
    SyncingIsOff: from_syncing_off,
    InvalidToken: from_invalid_token,
    IdentityProviderUnavailable: from_identity_provider_outage,
    BadCursor: from_bad_cursor,
    psycopg.DataError: from_bad_data,
    **dict.fromkeys(UNAVAILABLE_ERRORS, from_database_outage),
    psycopg.InterfaceError: from_interface_error,
    **dict.fromkeys(
        (DatabaseReadOnly, psycopg.errors.ReadOnlySqlTransaction), from_read_only_database
    ),
    **dict.fromkeys((DatabaseBusy, *BUSY_ERRORS), from_database_busy),
    NoConnection: from_database_outage,
    psycopg.errors.QueryCanceled: from_database_busy,
    psycopg.errors.UndefinedColumn: from_outdated_read_model,
    psycopg.errors.UndefinedTable: from_outdated_read_model,
}
