"""Access tokens, and whom they let in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from infrastructure.canvas_sandbox.error_responses import (
    Refused,
    bad_token,
    no_masquerade,
    no_token,
    out_of_scope,
)
from infrastructure.canvas_sandbox.model import Student
from infrastructure.canvas_sandbox.sandbox_clock import iso

ALPHABET = "ABCDEFGHJKLMNPQRTUVWXYZacefhkmnrtuvwxyz2346789"
TOKEN_SIZE = 64


@dataclass(slots=True)
class Token:
    """One access token; `scopes` are patterns of paths, None for all of them."""

    text: str
    student: Student
    revoked: bool = False
    expires_at: int | None = None
    scopes: tuple[str, ...] | None = None
    includes: bool = True


class Tokens:
    """Every token ever issued, made up from the seed in the order of issue."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(f"{seed}/tokens")  # noqa: S311  made up on purpose
        self._tokens: dict[str, Token] = {}

    def __iter__(self) -> Iterator[Token]:
        return iter(self._tokens.values())

    def issue(self, student: Student) -> Token:
        """Give a student a token, the first or one more."""
        text = "7752~" + "".join(self._chance.choices(ALPHABET, k=TOKEN_SIZE))
        token = self._tokens[text] = Token(text, student)
        return token

    def of(self, student: int) -> list[Token]:
        """A student's tokens, oldest first."""
        return [token for token in self if token.student.index == student]

    def known(self, text: str | None) -> Token | None:
        """The token of that text, dead or alive."""
        return self._tokens.get(text or "")

    def admit(self, text: str | None, path: str, now: int, *, masquerade: bool) -> Token:
        """The living token of that text; raises Refused."""
        if text is None:
            raise Refused(no_token())
        token = self._tokens.get(text)
        if token is None:
            raise Refused(bad_token("Invalid"))
        if token.revoked:
            raise Refused(bad_token("Revoked"))
        if token.expires_at is not None and token.expires_at <= now:
            raise Refused(bad_token("Expired", expired_at=iso(token.expires_at)))
        if token.scopes is not None and not any(re.search(s, path) for s in token.scopes):
            raise Refused(out_of_scope())
        if masquerade:
            raise Refused(no_masquerade())
        return token


def presented(authorization: str | None, parameter: str | None) -> str | None:
    """The token a request carries: `Bearer` is spelt exactly so; else `access_token`."""
    scheme, _, text = (authorization or "").partition(" ")
    return text if scheme == "Bearer" and text else parameter
