"""A check of `easeboard doctor`, what it may find, and the installation that it examines."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from infrastructure.crypto.master_key import KeyRing
from infrastructure.postgres.pools import ReadPool, WritePool
from infrastructure.settings.settings import Settings


@dataclass(slots=True)
class Installation:
    """What earlier checks have opened for later ones, which require them."""

    settings: Settings
    url: str = ""
    read_pool: ReadPool | None = None
    write_pool: WritePool | None = None
    ring: KeyRing | None = None

    @property
    def reads(self) -> ReadPool:
        """The read-only connections that the check `database` has opened."""
        if self.read_pool is None:
            raise CheckFailed("the database is not open")
        return self.read_pool


class CheckFailed(Exception):
    """A check found a problem; the message names it, the setting, and what to do."""


class NotApplicable(Exception):
    """A check has nothing to examine, and neither have those that require it."""


class Warned(NamedTuple):
    """A check passed, but the operator should read the detail."""

    detail: str


CheckFunction = Callable[[Installation], Awaitable[str | Warned]]


class Check(NamedTuple):
    """A check by name; it is made if what it requires has passed.

    That are other checks by name, or settings by field name, which must not be malformed.
    """

    name: str
    run: CheckFunction
    requires: tuple[str, ...] = ()


class CheckResult(NamedTuple):
    """The result of a check; `ok` is None if it was not made because another one failed."""

    check: str
    ok: bool | None
    detail: str
    warning: bool = False
