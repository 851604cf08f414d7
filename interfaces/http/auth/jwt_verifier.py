"""Which tokens we accept: claims, algorithms and keys, with no way around any of them."""

import time
from collections import OrderedDict
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import jwt

from interfaces.http.auth.jwks import PublicKeys
from interfaces.http.auth.principal import NotIdentified, Person

LONGEST = 8192
SKEW = 10.0
"""Seconds another clock may be ahead of ours; an expired token has no grace."""
REMEMBERED, REMEMBERED_FOR = 4096, 600.0
ROLES = frozenset({"student", "auditor", "admin"})


class Known(NamedTuple):
    """A token checked before: whose it is, until when to believe it, by which key set."""

    person: Person
    until: float
    generation: int


class Tokens:
    """Checks tokens and remembers the good ones by their digest."""

    def __init__(
        self, *, secret: bytes | None, keys: PublicKeys | None, issuer: str | None
    ) -> None:
        self._secret = secret
        self._keys = keys
        self._issuer = issuer
        self._known: OrderedDict[bytes, Known] = OrderedDict()

    async def __call__(self, token: str) -> Person:
        """Whose token it is; raises NotIdentified or IdentityUnavailable."""
        person = self.remembered(token)
        if person is None:
            person = await self._check(token)
            self._remember(_digest(token), person)
        return person

    def remembered(self, token: str) -> Person | None:
        """Whose token it is, when it was checked not long ago and has not expired since."""
        known = self._known.get(_digest(token))
        if known and time.time() < known.until and known.generation == self._generation:
            return known.person
        return None

    @property
    def _generation(self) -> int:
        return self._keys.generation if self._keys else 0

    def _remember(self, digest: bytes, person: Person) -> None:
        until = min(person.expires_at, time.time() + REMEMBERED_FOR)
        self._known[digest] = Known(person, until, self._generation)
        self._known.move_to_end(digest)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _check(self, token: str) -> Person:
        if len(token) > LONGEST:
            raise NotIdentified("The token is far too long.")
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            key = await self._key(algorithm, header.get("kid"))
            return _person(self._claims(token, key, str(algorithm)))
        except jwt.ExpiredSignatureError:
            raise NotIdentified("The token has expired.") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise NotIdentified("The token is not valid here.") from None

    async def _key(self, algorithm: Any, key_id: Any) -> Any:
        """The algorithm alone decides who signs; no token chooses between the two."""
        if algorithm == "HS256" and self._secret:
            return self._secret
        if algorithm in {"ES256", "RS256"} and self._keys and isinstance(key_id, str):
            return (await self._keys.find(key_id, algorithm)).key
        raise NotIdentified("The token is signed in a way we do not accept.")

    def _claims(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        required = ["exp", "iat", "aud", "sub", "role", *(["iss"] if self._issuer else [])]
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience="authenticated",
            issuer=self._issuer,
            leeway=SKEW,
            options={"require": required},
        )
        if int(claims["exp"]) <= time.time():
            raise jwt.ExpiredSignatureError
        return claims


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()


def _person(claims: dict[str, Any]) -> Person:
    if claims["role"] != "authenticated" or claims.get("is_anonymous"):
        raise NotIdentified("The token is nobody's in particular.")
    return Person(UUID(claims["sub"]), _roles(claims.get("app_metadata")), float(claims["exp"]))


def _roles(app_metadata: Any) -> frozenset[str]:
    """The application roles; `user_metadata` is written by the user and never looked at."""
    if not isinstance(app_metadata, dict):
        return frozenset({"student"})
    several, one = app_metadata.get("roles"), app_metadata.get("role")
    named = several if isinstance(several, list) else [one]
    known = ROLES.intersection(name for name in named if isinstance(name, str))
    return known or frozenset({"student"})
