"""What the console offers: how people sign in, and what a demo adds."""

from dataclasses import dataclass
from functools import partial
from importlib.resources.abc import Traversable
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from infrastructure.settings.settings import Settings
from interfaces.http.auth.development_tokens import sign_token

STUDENT_ID = UUID("00000000-0000-4000-8000-000000000001")
AUDITOR_ID = UUID("00000000-0000-4000-8000-00000000a001")
ADMIN_ID = UUID("00000000-0000-4000-8000-00000000b001")


class SignToken(Protocol):
    """Signs a token of a user with one role, which is issued `now`, in seconds of Unix time."""

    def __call__(self, user_id: UUID, role: str, ttl_seconds: int, now: int | None = None) -> str:
        """Return the token."""


class SupabaseSignIn(NamedTuple):
    """People sign in at a Supabase project. Both values are public."""

    url: str
    anon_key: str


class DevelopmentSignIn(NamedTuple):
    """People on this machine choose a role, and get a development token for it."""

    sign: SignToken
    student_id: UUID

    def user_of(self, role: str) -> UUID:
        """Return the user whose token a role gets."""
        return {"auditor": AUDITOR_ID, "admin": ADMIN_ID}.get(role, self.student_id)


class ConsoleDemo(NamedTuple):
    """What a running demo adds to the console: the control API of its sandbox, and its student."""

    control_url: str
    student_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsoleOptions:
    """What the console offers; without a way to sign in, people paste a token."""

    supabase: SupabaseSignIn | None = None
    development: DevelopmentSignIn | None = None
    control_url: str | None = None
    """The address of the control API of a demo's sandbox; None if no demo runs."""
    folder: Traversable | None = None
    """Where the built files are; None: where the installation has them."""

    @property
    def origins(self) -> tuple[str, ...]:
        """The other web origins to which the page may send requests."""
        addresses = (self.supabase and self.supabase.url, self.control_url)
        return tuple(_origin_of(address) for address in addresses if address)


def console_options(settings: Settings, demo: ConsoleDemo | None = None) -> ConsoleOptions | None:
    """Return what the console offers; None if the setting `CONSOLE` is off."""
    if settings.console == "off":
        return None
    return ConsoleOptions(
        supabase=None if demo else _supabase_sign_in(settings),
        development=_development_sign_in(settings, demo),
        control_url=demo.control_url if demo else None,
    )


def _supabase_sign_in(settings: Settings) -> SupabaseSignIn | None:
    url, anon_key = settings.supabase_url, settings.supabase_anon_key
    return SupabaseSignIn(url, anon_key) if url and anon_key else None


def has_development_tokens(settings: Settings) -> bool:
    """Return whether the service is for development: embedded database, no identity provider."""
    return settings.embedded and not (settings.supabase_url or settings.supabase_issuer)


def _development_sign_in(settings: Settings, demo: ConsoleDemo | None) -> DevelopmentSignIn | None:
    """Return how to sign in with development tokens, or None.

    They are for the embedded database, and only if no identity provider issues tokens.
    """
    if not demo and not has_development_tokens(settings):
        return None
    student_id = demo.student_id if demo else STUDENT_ID
    return DevelopmentSignIn(partial(sign_token, settings), student_id)


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
