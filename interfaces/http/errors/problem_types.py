"""All types of problem, by slug. A slug never changes; its texts may."""

from collections.abc import Iterable
from typing import NamedTuple


class ProblemType(NamedTuple):
    """What all problems of one slug have in common; `/problems/{slug}` shows it."""

    status: int
    title: str
    cause: str
    """What is wrong."""
    advice: str
    """What a client or a user can do."""
    is_outcome: bool = False
    """Whether it is a result of the work of a command, which a repetition would get again.

    Such a refusal is kept for a repeated request with the same `Idempotency-Key`. Not kept is what
    was refused before any work began, and what can succeed when it is tried again.
    """

    @property
    def detail(self) -> str:
        """The `detail` of a problem that has no text of its own."""
        return f"{self.cause} {self.advice}"


RETRY_ADVICE = "Retry after the number of seconds in `Retry-After`."
NO_READ_MODEL = "There is no read model of this name; the list of projections has all."

PROBLEM_TYPES = {
    "auth-user-not-deletable": ProblemType(
        422,
        "Auth user cannot be deleted",
        "This service has no key with which it could delete the user at Supabase; nothing was "
        "erased.",
        "Erase without `delete_auth_user`; an operator can set SUPABASE_SERVICE_KEY.",
    ),
    "bad-consistency-token": ProblemType(
        400,
        "Invalid consistency token",
        "The header `Consistency-Token` has a value that this service did not issue.",
        "Send the `Consistency-Token` of an earlier response unchanged, or omit the header.",
    ),
    "bad-cursor": ProblemType(
        422,
        "Invalid cursor",
        "The parameter `cursor` is not a cursor of this list.",
        "Send the `next_cursor` of the previous page unchanged, to the same list.",
    ),
    "bad-request": ProblemType(
        400,
        "Malformed request",
        "The request is not valid HTTP, or its body cannot be read.",
        "Correct the request before you send it again.",
    ),
    "body-too-large": ProblemType(
        413, "Body too large", "The request body is larger than 64 KiB.", "Send a smaller body."
    ),
    "canvas-busy": ProblemType(
        503,
        "Canvas checks limited",
        "Too many tokens are being checked at this Canvas, or it refused too many.",
        RETRY_ADVICE,
    ),
    "canvas-timeout": ProblemType(
        504, "Canvas timed out", "Canvas did not respond in time.", "Try again later."
    ),
    "canvas-token-rejected": ProblemType(
        422,
        "Canvas token rejected",
        "Canvas rejects the access token, or does not permit it to read the data.",
        "Create a new access token in Canvas under Account > Settings, and send that one.",
        is_outcome=True,
    ),
    "canvas-unreachable": ProblemType(
        502,
        "Canvas unreachable",
        "Canvas cannot be reached, or its response cannot be used.",
        "Check the Canvas address, or try again later.",
    ),
    "canvas-url-not-allowed": ProblemType(
        422,
        "Canvas address not allowed",
        "This address is not one to which a Canvas token may be sent.",
        "Use the https address of your Canvas; CANVAS_ALLOWED_HOSTS lists the allowed hosts.",
        is_outcome=True,
    ),
    "canvas-user-mismatch": ProblemType(
        422,
        "Token of another Canvas user",
        "The new token belongs to another Canvas user than the connection.",
        "Use a token of the same Canvas user, or delete the connection and set up a new one.",
        is_outcome=True,
    ),
    "connection-busy": ProblemType(
        503,
        "Connection busy",
        "Other requests for the same connection are still being handled.",
        RETRY_ADVICE,
    ),
    "connection-exists": ProblemType(
        409,
        "Connection exists",
        "You already have a connection to this Canvas.",
        "Use the connection that `connection_id` names, or delete it first.",
        is_outcome=True,
    ),
    "connection-not-active": ProblemType(
        409,
        "Connection not active",
        "The connection is closed, or Canvas rejected its token.",
        "Replace the token, or set up a new connection.",
        is_outcome=True,
    ),
    "cross-origin-refused": ProblemType(
        400,
        "Cross-origin request refused",
        "The origin, the method or a header of the preflight request is not allowed.",
        "An operator can allow an origin with CORS_ORIGINS; methods and headers are fixed.",
    ),
    "database-busy": ProblemType(
        503,
        "Database busy",
        "The database cannot handle more requests at present.",
        RETRY_ADVICE,
    ),
    "database-unavailable": ProblemType(
        503, "Database unavailable", "The database cannot be used at present.", RETRY_ADVICE
    ),
    "forbidden": ProblemType(
        403,
        "Role missing",
        "Your account does not have a role that this route needs.",
        "Request the role from an administrator.",
    ),
    "grade-not-committed": ProblemType(
        409,
        "No receipt possible",
        "The grade was recorded before easeboard could show one event without all others.",
        "Grades that are recorded from now on have receipts; this one stays in your history.",
    ),
    "head-too-large": ProblemType(
        431,
        "Request headers too large",
        "The URL and the headers are larger than 32 KiB, or there are more than 100 headers.",
        "Send a shorter URL, or fewer or shorter headers.",
    ),
    "idempotency-key-in-use": ProblemType(
        409,
        "Request in progress",
        "An earlier request with this `Idempotency-Key` is still being handled.",
        "Send the same request after the number of seconds in `Retry-After` to get its response.",
    ),
    "idempotency-key-reused": ProblemType(
        422,
        "Idempotency key reused",
        "This `Idempotency-Key` was sent with another body or query string in the last 24 hours.",
        "Create a new key for each new request.",
    ),
    "history-changed": ProblemType(
        409,
        "Stored history was changed",
        "The event log in the database is not the one that was sealed.",
        "Tell an operator: `easeboard audit verify` finds what was changed, and where.",
    ),
    "identity-unavailable": ProblemType(
        503,
        "Token cannot be verified",
        "The bearer token cannot be verified: the keys of the identity provider cannot be fetched.",
        RETRY_ADVICE,
    ),
    "internal-error": ProblemType(
        500,
        "Internal error",
        "The server failed to handle this request, and has logged the error.",
        "Report the `request_id`: it identifies the log message.",
    ),
    "invalid-request": ProblemType(
        422,
        "Invalid request",
        "A parameter, a header or a field of the body is not valid or does not exist.",
        "Correct what `errors` lists; it has at most 20 entries.",
    ),
    "method-not-allowed": ProblemType(
        405,
        "Method not allowed",
        "This path does not support the method of the request.",
        "Use a method that the header `Allow` lists.",
    ),
    "no-earlier-version": ProblemType(
        409,
        "No earlier version",
        "The read model has no earlier version that this program can continue.",
        "Rebuild it instead; a version is kept from the cut-over that replaces it to the next one.",
    ),
    "no-sync-running": ProblemType(
        409,
        "No sync to cancel",
        "No sync of this connection is queued or running.",
        "There is nothing to cancel.",
        is_outcome=True,
    ),
    "not-found": ProblemType(
        404,
        "Not found",
        "The resource does not exist, or it belongs to another user.",
        "Check the path and the ids in it.",
        is_outcome=True,
    ),
    "not-ready": ProblemType(
        503,
        "Not ready",
        "A component that the service needs does not work.",
        "Check the status that `components` gives for each component.",
    ),
    "not-sealed": ProblemType(
        503,
        "Not sealed yet",
        "No signed checkpoint covers this yet; normally one does within 2 seconds.",
        f"{RETRY_ADVICE} If it stays so, no process with the role that seals is running.",
    ),
    "overloaded": ProblemType(
        503,
        "Server overloaded",
        "The server already handles as many requests or open connections as it can.",
        RETRY_ADVICE,
    ),
    "person-erased": ProblemType(
        410,
        "Data erased",
        "The data of this person was erased.",
        "It cannot be restored, and no new data is recorded. Sign up as a new user to begin again.",
        is_outcome=True,
    ),
    "projection-behind": ProblemType(
        503,
        "Data not up to date",
        "The data does not include the effect of the `Consistency-Token` yet.",
        f"{RETRY_ADVICE} Without `Consistency-Token` you get the older data at once.",
    ),
    "purpose-required": ProblemType(
        400,
        "Purpose required",
        "This request shows the history of other people, and has no purpose to record.",
        "Send why you read it, as the header `Purpose: <text>` or the query parameter `purpose`.",
    ),
    "rate-limited": ProblemType(
        429,
        "Too many requests",
        "The rate limit of this minute is used up.",
        f"{RETRY_ADVICE} The header `RateLimit` shows how many requests are left.",
    ),
    "rebuild-running": ProblemType(
        409,
        "Rebuild already running",
        "The read model is already being rebuilt.",
        "Wait until this rebuild has ended; the list of projections shows its progress.",
    ),
    "request-timeout": ProblemType(
        408,
        "Request timed out",
        "The headers or the body of the request did not arrive within 10 seconds.",
        "Check the network connection, then send the request again.",
    ),
    "sync-already-running": ProblemType(
        409,
        "Sync already running",
        "A sync of this connection is queued or running.",
        "Wait for the sync that `sync_id` names, or cancel it.",
    ),
    "syncing-off": ProblemType(
        503,
        "Syncing is off",
        "This service does not contact Canvas now: an operator turned syncing off, or its database "
        "was restored from a backup.",
        "Try again later; an operator turns it on with `easeboard syncing on`.",
    ),
    "too-many-connections": ProblemType(
        422,
        "Too many connections",
        "You have as many Canvas connections as one person may have.",
        "Delete a connection that you do not need, then set up the new one.",
    ),
    "unauthorized": ProblemType(
        401,
        "Not authenticated",
        "The request has no valid bearer token.",
        "Sign in, and send the header `Authorization: Bearer <access token>`.",
    ),
}


def not_ready_detail(component_names: Iterable[str]) -> str:
    """Return the `detail` of the problem `not-ready`."""
    return f"Not ready: {', '.join(component_names)}. {PROBLEM_TYPES['not-ready'].advice}"
