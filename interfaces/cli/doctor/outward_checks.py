"""Checks of what the service needs outside its database: sign-in and Redis."""

from contextlib import suppress

from infrastructure.crypto.key_file import KeyFileUnusable, read_key
from interfaces.cli.doctor.check import Check, CheckFailed, Installation
from interfaces.composition.optional_adapters import probe_redis
from interfaces.composition.startup_checks import NO_ISSUER
from interfaces.http.auth.identity_provider_probe import probe_identity_provider
from interfaces.http.auth.signing_secret import SIGNING_KEY_FILE


async def check_sign_in(installation: Installation) -> str:
    """Check that the tokens of clients can be verified, with one request to Supabase."""
    settings = installation.settings
    if not settings.supabase_url and settings.supabase_jwt_secret:
        return "tokens are verified with SUPABASE_JWT_SECRET"
    if not settings.supabase_url and settings.embedded:
        try:
            with suppress(FileNotFoundError):
                read_key(settings.home / SIGNING_KEY_FILE)
        except KeyFileUnusable as error:
            raise CheckFailed(str(error)) from None
        return "development tokens of the embedded database (easeboard token)"
    if not settings.supabase_url:
        raise CheckFailed(NO_ISSUER)
    problems = await probe_identity_provider(settings)
    if problems:
        raise CheckFailed("; ".join(problems))
    return "Supabase answers with its signing keys"


async def check_redis(installation: Installation) -> str:
    """Check that Redis responds, if it is configured."""
    redis_url = installation.settings.redis_url
    if redis_url is None:
        return "not configured: each process counts rate limits alone (REDIS_URL)"
    problem = await probe_redis(redis_url.get_secret_value())
    if problem:
        raise CheckFailed(f"Redis cannot be used ({problem}): check REDIS_URL and the server.")
    return "responds"


OUTWARD_CHECKS = (
    Check("sign-in", check_sign_in, ("home", "supabase_url", "supabase_jwt_secret")),
    Check("redis", check_redis, ("redis_url",)),
)
