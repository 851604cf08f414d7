"""Finds variables of the environment and of `.env` that look like settings and are none."""

import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

import structlog

from infrastructure.settings.env_file import ENV_FILE, ignored_lines, parse_env_file
from infrastructure.settings.settings import Settings

logger = structlog.get_logger(__name__)

SIMILARITY = 0.82
"""Share of equal characters above which a name is taken for a misspelt setting."""

_SET_BY_KUBERNETES = re.compile(r".*_(SERVICE_(HOST|PORT.*)|PORT(_\d+_(TCP|UDP).*)?)")
"""Names that Kubernetes sets in each container for a service named redis, for example."""

_OF_OTHER_PROGRAMS = frozenset(
    {
        *("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ACCESS_TOKEN"),
        *("SUPABASE_DB_PASSWORD", "SUPABASE_PROJECT_ID", "SUPABASE_PROJECT_REF"),
        *("DATABASE_PASSWORD", "EASEBOARD_SOAK"),
    }
)
"""Names that other programs read from the same file."""


class UnknownSetting(NamedTuple):
    """A name that begins like a setting, and the setting that it is similar to, if any."""

    name: str
    similar: str | None

    def describe(self) -> str:
        """Return what is wrong in one sentence."""
        if self.similar:
            return f"{self.name} is not a setting: rename it to {self.similar}, or remove it"
        return f"{self.name} begins like a setting and has no effect: see .env.example"


def find_unknown_settings(names: Iterable[str] | None = None) -> list[UnknownSetting]:
    """Return the unknown settings in the environment and in `.env`, sorted by name.

    `names` replaces the names of both. A name counts if its first word is the first word of a
    setting (`SYNC_…`), or if it is similar to one.
    """
    known = {name.upper() for name in Settings.model_fields}
    given = {name.upper() for name in (_given_names() if names is None else names)}
    return list(_unknown(sorted(given - known), known, unset=known - given))


def ignored_env_file() -> list[str]:
    """Return why `.env`, or a line of it, is not read; it is usually of another program."""
    if ENV_FILE.is_dir():
        return [".env is a directory, so no settings are read from it: remove or rename it"]
    return ignored_lines()


def log_ignored_env_file() -> None:
    """Log a warning for each reason why `.env`, or a line of it, is not read."""
    for reason in ignored_env_file():
        logger.warning("env_file_ignored", reason=reason)


def log_unknown_settings() -> None:
    """Log a warning for each unknown setting."""
    for unknown in find_unknown_settings():
        logger.warning("unknown_setting", setting=unknown.name, reason=unknown.describe())


def _given_names() -> Iterator[str]:
    yield from os.environ
    yield from (binding.key for binding in parse_env_file() if binding.key)


def _unknown(names: Iterable[str], known: set[str], unset: set[str]) -> Iterator[UnknownSetting]:
    first_words = {name.partition("_")[0] for name in known if "_" in name} - {"OTEL"}
    for name in names:
        similar = _most_similar(name, unset)
        if name in _OF_OTHER_PROGRAMS or not (similar or _is_ours(name, first_words)):
            continue
        yield UnknownSetting(name, similar)


def _is_ours(name: str, first_words: set[str]) -> bool:
    first_word, _, rest = name.partition("_")
    return bool(rest) and first_word in first_words and not _SET_BY_KUBERNETES.fullmatch(name)


def _most_similar(name: str, unset: set[str]) -> str | None:
    """Return the setting that was meant: similar, or longer by words; it has no value itself."""
    longer = sorted(setting for setting in unset if setting.startswith(f"{name}_"))
    similar = get_close_matches(name, sorted(unset), n=1, cutoff=SIMILARITY) or longer
    return similar[0] if similar else None
