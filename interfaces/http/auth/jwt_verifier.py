"""Verifies bearer tokens (JWT, RFC 7519): format, claims, algorithm and key, then the signature."""

import time
from collections import OrderedDict
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import jwt
from jwt.types import Options

from domain.person_id import require_person_id
from interfaces.http.auth.jwks import JwksCache
from interfaces.http.auth.principal import InvalidToken, Principal
from interfaces.http.auth.signature_checks import SignatureChecks

MAX_TOKEN_LENGTH = 8192
CLOCK_SKEW_SECONDS = 10.0
"""Seconds that the clock of the issuer may be ahead. It does not extend the life of a token."""
MAX_CACHED_TOKENS, TOKEN_CACHE_SECONDS = 4096, 600.0
MAX_FORGED_TOKENS = 4096
"""Tokens whose signature was not valid: one that is sent again costs no second check."""
KNOWN_ROLES = frozenset({"student", "auditor", "admin"})
CLAIM_CHECKS: Options = {
    "verify_exp": True,
    "verify_nbf": True,
    "verify_iat": True,
    "verify_aud": True,
    "verify_iss": True,
    "verify_sub": True,
    "verify_jti": True,
}
"""Options of PyJWT; without a signature check it would leave these checks out."""
DECODE_ERRORS = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
REFUSAL = (
    "The token is malformed, or its signature or one of its claims is not valid here;"
    " sign in again."
)


class CachedToken(NamedTuple):
    """A verified token: its owner, its end in the cache (Unix seconds), and the key set used."""

    principal: Principal
    valid_until: float
    generation: int


class JwtVerifier:
    """Verifies tokens, and caches the valid ones by their digest.

    `secret` verifies HS256, `keys` verifies ES256 and RS256; a kind without its argument is
    refused. With `issuer`, the claim `iss` must be equal to it. Everything that costs little is
    checked first, so that a malformed or expired token causes no signature check.
    """

    def __init__(self, *, secret: bytes | None, keys: JwksCache | None, issuer: str | None) -> None:
        self._secret = secret
        self._keys = keys
        self._issuer = issuer
        self._checks = SignatureChecks()
        self._cached_tokens: OrderedDict[bytes, CachedToken] = OrderedDict()
        self._forged_tokens: OrderedDict[bytes, int] = OrderedDict()
        """Digests of tokens, and the generation of the key set that did not verify them."""

    async def __call__(self, token: str, address: str = "") -> Principal:
        """Return the owner of a token that was sent from an address.

        Signature checks are shared fairly between addresses.
        Raises: InvalidToken if it is not accepted, IdentityProviderUnavailable if its key cannot
        be fetched.
        """
        digest = _digest(token)
        principal = self._cached(digest)
        if principal is None:
            if self._forged_tokens.get(digest) == self._generation:
                raise InvalidToken(REFUSAL)
            principal = await self._verify(token, digest, address)
            self._store_in_cache(digest, principal)
        return principal

    def cached_principal(self, token: str) -> Principal | None:
        """Return the owner of a token that was verified recently and has not expired, or None."""
        return self._cached(_digest(token))

    def _cached(self, digest: bytes) -> Principal | None:
        cached = self._cached_tokens.get(digest)
        if cached and time.time() < cached.valid_until and cached.generation == self._generation:
            return cached.principal
        return None

    @property
    def status(self) -> str:
        """`ok`, or why the public keys cannot be renewed."""
        return self._keys.status if self._keys else "ok"

    @property
    def _generation(self) -> int:
        return self._keys.generation if self._keys else 0

    def _store_in_cache(self, digest: bytes, principal: Principal) -> None:
        until = min(principal.expires_at, time.time() + TOKEN_CACHE_SECONDS)
        self._cached_tokens[digest] = CachedToken(principal, until, self._generation)
        self._cached_tokens.move_to_end(digest)
        if len(self._cached_tokens) > MAX_CACHED_TOKENS:
            self._cached_tokens.popitem(last=False)

    async def _verify(self, token: str, digest: bytes, address: str) -> Principal:
        try:
            algorithm, key_id = self._check_without_signature(token)
            key = await self._find_key(algorithm, key_id)
            decode = partial(self._decode_claims, token, key, algorithm)
            return _build_principal(await self._checks.run(address, decode))
        except jwt.InvalidSignatureError:
            self._store_forged(digest)
            raise InvalidToken(REFUSAL) from None
        except jwt.ExpiredSignatureError:
            raise InvalidToken("The token has expired; sign in again.") from None
        except jwt.MissingRequiredClaimError as error:
            raise InvalidToken(f"The token has no `{error.claim}` claim.") from None
        except DECODE_ERRORS:
            raise InvalidToken(REFUSAL) from None

    def _check_without_signature(self, token: str) -> tuple[str, Any]:
        """Check all that costs little; return the algorithm and the key id of the token."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken(f"The token is longer than {MAX_TOKEN_LENGTH} characters.")
        header = jwt.get_unverified_header(token)
        algorithm, key_id = str(header.get("alg")), header.get("kid")
        self._require_acceptable(algorithm, key_id)
        _build_principal(self._decode_claims(token, "", algorithm, verify_signature=False))
        return algorithm, key_id

    def _require_acceptable(self, algorithm: str, key_id: Any) -> None:
        by_secret = algorithm == "HS256" and self._secret
        by_key = algorithm in {"ES256", "RS256"} and self._keys and isinstance(key_id, str)
        if not (by_secret or by_key):
            raise InvalidToken(
                "The signature algorithm of the token is not accepted: HS256 needs"
                " SUPABASE_JWT_SECRET, ES256 and RS256 need SUPABASE_URL and a key id."
            )

    def _store_forged(self, digest: bytes) -> None:
        self._forged_tokens[digest] = self._generation
        if len(self._forged_tokens) > MAX_FORGED_TOKENS:
            self._forged_tokens.popitem(last=False)

    async def _find_key(self, algorithm: str, key_id: Any) -> Any:
        """Return the key for an algorithm: a token cannot make the public key an HS256 secret."""
        if algorithm == "HS256" or self._keys is None:
            return self._secret
        return (await self._keys.find_key(key_id, algorithm)).key

    def _decode_claims(
        self, token: str, key: Any, algorithm: str, *, verify_signature: bool = True
    ) -> dict[str, Any]:
        required = ["exp", "iat", "aud", "sub", "role", *(["iss"] if self._issuer else [])]
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience="authenticated",
            issuer=self._issuer,
            leeway=CLOCK_SKEW_SECONDS,
            options={**CLAIM_CHECKS, "require": required, "verify_signature": verify_signature},
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
    user_id = require_person_id(UUID(claims["sub"]))
    return Principal(user_id, _parse_roles(claims.get("app_metadata")), float(claims["exp"]))


def _parse_roles(app_metadata: Any) -> frozenset[str]:
    """Return the roles; they are never read from `user_metadata`, which the user can change."""
    if not isinstance(app_metadata, dict):
        return frozenset({"student"})
    roles, role = app_metadata.get("roles"), app_metadata.get("role")
    names = roles if isinstance(roles, list) else [role]
    known = KNOWN_ROLES.intersection(name for name in names if isinstance(name, str))
    return known or frozenset({"student"})
