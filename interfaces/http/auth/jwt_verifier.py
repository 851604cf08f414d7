"""Verifies bearer tokens (JWT, RFC 7519): algorithm, key, signature and claims."""

import time
from collections import OrderedDict
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import jwt

from interfaces.http.auth.jwks import JwksCache
from interfaces.http.auth.principal import InvalidToken, Principal

MAX_TOKEN_LENGTH = 8192
CLOCK_SKEW_SECONDS = 10.0
"""Seconds that the clock of the issuer may be ahead. It does not extend the life of a token."""
MAX_CACHED_TOKENS, TOKEN_CACHE_SECONDS = 4096, 600.0
KNOWN_ROLES = frozenset({"student", "auditor", "admin"})


class CachedToken(NamedTuple):
    """A verified token: its owner, its end in the cache (Unix seconds), and the key set used."""

    principal: Principal
    valid_until: float
    generation: int


class JwtVerifier:
    """Verifies tokens, and caches the valid ones by their digest.

    `secret` verifies HS256, `keys` verifies ES256 and RS256; a kind without its argument is
    refused. With `issuer`, the claim `iss` must be equal to it.
    """

    def __init__(self, *, secret: bytes | None, keys: JwksCache | None, issuer: str | None) -> None:
        self._secret = secret
        self._keys = keys
        self._issuer = issuer
        self._cached_tokens: OrderedDict[bytes, CachedToken] = OrderedDict()

    async def __call__(self, token: str) -> Principal:
        """Return the owner of a token.

        Raises: InvalidToken if it is not accepted, IdentityProviderUnavailable if its key cannot
        be fetched.
        """
        principal = self.cached_principal(token)
        if principal is None:
            principal = await self._verify(token)
            self._store_in_cache(_digest(token), principal)
        return principal

    def cached_principal(self, token: str) -> Principal | None:
        """Return the owner of a token that was verified recently and has not expired, or None."""
        cached = self._cached_tokens.get(_digest(token))
        if cached and time.time() < cached.valid_until and cached.generation == self._generation:
            return cached.principal
        return None

    @property
    def _generation(self) -> int:
        return self._keys.generation if self._keys else 0

    def _store_in_cache(self, digest: bytes, principal: Principal) -> None:
        until = min(principal.expires_at, time.time() + TOKEN_CACHE_SECONDS)
        self._cached_tokens[digest] = CachedToken(principal, until, self._generation)
        self._cached_tokens.move_to_end(digest)
        if len(self._cached_tokens) > MAX_CACHED_TOKENS:
            self._cached_tokens.popitem(last=False)

    async def _verify(self, token: str) -> Principal:
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken(f"The token is longer than {MAX_TOKEN_LENGTH} characters.")
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            key = await self._find_key(algorithm, header.get("kid"))
            return _build_principal(self._decode_claims(token, key, str(algorithm)))
        except jwt.ExpiredSignatureError:
            raise InvalidToken("The token has expired; sign in again.") from None
        except jwt.MissingRequiredClaimError as error:
            raise InvalidToken(f"The token has no `{error.claim}` claim.") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise InvalidToken(
                "The token is malformed, or its signature or one of its claims is not valid here;"
                " sign in again."
            ) from None

    async def _find_key(self, algorithm: Any, key_id: Any) -> Any:
        """Return the key for an algorithm: a token cannot make the public key an HS256 secret."""
        if algorithm == "HS256" and self._secret:
            return self._secret
        if algorithm in {"ES256", "RS256"} and self._keys and isinstance(key_id, str):
            return (await self._keys.find_key(key_id, algorithm)).key
        raise InvalidToken(
            "The signature algorithm of the token is not accepted: HS256 needs"
            " SUPABASE_JWT_SECRET, ES256 and RS256 need SUPABASE_URL."
        )

    def _decode_claims(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        required = ["exp", "iat", "aud", "sub", "role", *(["iss"] if self._issuer else [])]
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience="authenticated",
            issuer=self._issuer,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": required},
        )
        if int(claims["exp"]) <= time.time():
            raise jwt.ExpiredSignatureError
        return claims


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()


def _build_principal(claims: dict[str, Any]) -> Principal:
    if claims["role"] != "authenticated" or claims.get("is_anonymous"):
        raise InvalidToken(
            "The token does not belong to a user: its claim `role` must be `authenticated`,"
            " and anonymous users are not accepted."
        )
    return Principal(
        UUID(claims["sub"]), _parse_roles(claims.get("app_metadata")), float(claims["exp"])
    )


def _parse_roles(app_metadata: Any) -> frozenset[str]:
    """Return the roles; they are never read from `user_metadata`, which the user can change."""
    if not isinstance(app_metadata, dict):
        return frozenset({"student"})
    roles, role = app_metadata.get("roles"), app_metadata.get("role")
    names = roles if isinstance(roles, list) else [role]
    known = KNOWN_ROLES.intersection(name for name in names if isinstance(name, str))
    return known or frozenset({"student"})
