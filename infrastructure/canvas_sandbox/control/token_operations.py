"""Operations on access tokens."""

from collections.abc import Sequence
from typing import Any

from infrastructure.canvas_sandbox.access_tokens import AccessToken
from infrastructure.canvas_sandbox.state import SandboxState

SHOWN_CHARACTERS = 9
"""How much of a token is listed: the number of the shard and four characters."""


class TokenOperations:
    """Issues the access tokens of students and changes what they permit."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def issue_token(self, *, student: int = 0) -> str:
        """Issue a new token for a student; returns its text."""
        return self._state.tokens.issue(self._state.students[student].index).text

    def tokens(self, *, student: int = 0) -> list[dict[str, Any]]:
        """List the tokens of a student, oldest first: the first digits, and whether it is valid."""
        now = self._state.clock.now()
        return [
            {"begins": token.text[:SHOWN_CHARACTERS], "valid": token.is_valid(now)}
            for token in self._state.tokens.of_student(student)
        ]

    def revoke_token(self, *, student: int = 0) -> None:
        """Revoke all tokens of a student."""
        for token in self._state.tokens.of_student(student):
            token.revoked = True

    def expire_token(self, *, student: int = 0) -> None:
        """Expire all tokens of a student now."""
        for token in self._state.tokens.of_student(student):
            token.expires_at = self._state.clock.now()

    def restore_token(self, *, student: int = 0) -> None:
        """Make all tokens of a student valid again, without scopes and with includes."""
        for token in self._state.tokens.of_student(student):
            _restore(token)

    def revoke_all_tokens(self) -> None:
        """Revoke every token of every student at once; tokens issued later are valid."""
        for token in self._state.tokens:
            token.revoked = True

    def expire_all_tokens(self) -> None:
        """Expire every token of every student now; tokens issued later are valid."""
        now = self._state.clock.now()
        for token in self._state.tokens:
            token.expires_at = now

    def restore_all_tokens(self) -> None:
        """Make every token of every student valid again."""
        for token in self._state.tokens:
            _restore(token)

    def limit_scopes(self, scopes: Sequence[str], *, student: int = 0) -> None:
        """Limit the tokens of a student to paths that match one of these patterns."""
        for token in self._state.tokens.of_student(student):
            token.scopes = tuple(scopes)

    def ignore_includes(self, *, student: int = 0) -> None:
        """Drop `include[]` for the tokens of a student, as with a scoped developer key."""
        for token in self._state.tokens.of_student(student):
            token.honors_includes = False


def _restore(token: AccessToken) -> None:
    token.revoked, token.expires_at = False, None
    token.scopes, token.honors_includes = None, True
