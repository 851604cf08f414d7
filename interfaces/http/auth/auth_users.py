"""Deletes users of a Supabase project with its service key, and checks that the key is accepted."""

import asyncio
from http import HTTPStatus
from uuid import UUID

import aiohttp

from infrastructure.settings.settings import Settings

REQUEST_TIMEOUT_SECONDS = 5.0


class AuthUserNotDeleted(Exception):
    """A user could not be deleted, or the key is not accepted; the message has the reason."""


class AuthUsers:
    """The users of one Supabase project, of which requests are sent with its service key."""

    def __init__(self, supabase_url: str, service_key: str) -> None:
        self._url = f"{supabase_url.rstrip('/')}/auth/v1/admin/users"
        self._headers = {"apikey": service_key, "Authorization": f"Bearer {service_key}"}

    async def delete(self, user_id: UUID) -> None:
        """Delete a user; one who does not exist counts as deleted.

        Raises: AuthUserNotDeleted; a later attempt may succeed.
        """
        status = await self._request("DELETE", f"{self._url}/{user_id}")
        if status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}:
            raise AuthUserNotDeleted(_reason(status))

    async def check_key(self) -> None:
        """Read one user, which changes nothing; raises AuthUserNotDeleted if that is refused."""
        status = await self._request("GET", f"{self._url}?page=1&per_page=1")
        if status != HTTPStatus.OK:
            raise AuthUserNotDeleted(_reason(status))

    async def _request(self, method: str, url: str) -> int:
        try:
            async with (
                asyncio.timeout(REQUEST_TIMEOUT_SECONDS),
                aiohttp.ClientSession(headers=self._headers) as session,
                session.request(method, url, allow_redirects=False) as response,
            ):
                return response.status
        except TimeoutError:
            reason = f"Supabase does not answer within {REQUEST_TIMEOUT_SECONDS:g} s"
            raise AuthUserNotDeleted(reason) from None
        except (aiohttp.ClientError, OSError):
            raise AuthUserNotDeleted("Supabase cannot be reached (SUPABASE_URL)") from None


def configured_auth_users(settings: Settings) -> AuthUsers | None:
    """Return the users of the configured project; None without its URL or its service key."""
    if not settings.supabase_url or settings.supabase_service_key is None:
        return None
    return AuthUsers(settings.supabase_url, settings.supabase_service_key.get_secret_value())


def _reason(status: int) -> str:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return (
            f"Supabase refuses SUPABASE_SERVICE_KEY (status {status}): use the service role key, or"
            " a secret key, of the project that SUPABASE_URL names"
        )
    return f"Supabase answers with status {status}"
