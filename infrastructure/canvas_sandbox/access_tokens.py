"""Issues access tokens and authenticates requests with them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from infrastructure.canvas_sandbox.error_responses import (
    ErrorResponse,
    masquerade_denied,
    scope_insufficient,
    token_missing,
    token_rejected,
)
from infrastructure.canvas_sandbox.sandbox_clock import format_time

ALPHABET = "ABCDEFGHJKLMNPQRTUVWXYZacefhkmnrtuvwxyz2346789"
SECRET_LENGTH = 64


@dataclass(slots=True)
class AccessToken:
    """One access token of the student with the index `student`.

    `scopes` are regular expressions of allowed paths, None for all paths. If `honors_includes`
    is false, `include[]` is dropped as with a scoped developer key.
    """

    text: str
    student: int
    revoked: bool = False
    expires_at: int | None = None
    scopes: tuple[str, ...] | None = None
    honors_includes: bool = True

    def is_valid(self, now: int) -> bool:
        """Whether it is neither revoked nor expired at this time, in seconds since 1970."""
        return not self.revoked and (self.expires_at is None or self.expires_at > now)


class AccessTokens:
    """All issued tokens; their texts depend on the seed and the order of issue only."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(f"{seed}/tokens")  # noqa: S311  must be reproducible
        self._tokens: dict[str, AccessToken] = {}
        self._by_student: dict[int, list[AccessToken]] = {}

    def __iter__(self) -> Iterator[AccessToken]:
        return iter(self._tokens.values())

    def issue(self, student: int) -> AccessToken:
        """Issue a new token for the student with this index; older ones stay valid."""
        text = "7752~" + "".join(self._rng.choices(ALPHABET, k=SECRET_LENGTH))
        token = self._tokens[text] = AccessToken(text, student)
        self._by_student.setdefault(student, []).append(token)
        return token

    def of_student(self, student: int) -> list[AccessToken]:
        """The tokens of the student with this index, oldest first."""
        return self._by_student.get(student, [])

    def find(self, text: str | None) -> AccessToken | None:
        """Find a token by its text, valid or not."""
        return self._tokens.get(text or "")

    def authenticate(
        self, text: str | None, path: str, now: int, *, masquerade: bool
    ) -> AccessToken:
        """Find the valid token with this text.

        `now` is in seconds since 1970; `masquerade` is true if `as_user_id` was sent.

        Raises: ErrorResponse (401) if the token is missing, not valid or out of scope, or if
        the request masquerades.
        """
        if text is None:
            raise ErrorResponse(token_missing())
        token = self._tokens.get(text)
        if token is None:
            raise ErrorResponse(token_rejected("Invalid"))
        if token.revoked:
            raise ErrorResponse(token_rejected("Revoked"))
        if token.expires_at is not None and token.expires_at <= now:
            raise ErrorResponse(token_rejected("Expired", expired_at=format_time(token.expires_at)))
        if token.scopes is not None and not any(re.search(s, path) for s in token.scopes):
            raise ErrorResponse(scope_insufficient())
        if masquerade:
            raise ErrorResponse(masquerade_denied())
        return token


def token_of_request(authorization: str | None, parameter: str | None) -> str | None:
    """The token in the `Authorization` header, or else in the parameter `access_token`.

    Like Canvas, it accepts the scheme only if it is spelled `Bearer`.
    """
    scheme, _, text = (authorization or "").partition(" ")
    return text if scheme == "Bearer" and text else parameter
