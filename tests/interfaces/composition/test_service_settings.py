"""Tests of the settings of a service: what is missing is found with what is malformed."""

from pathlib import Path
from typing import Any

import pytest

from infrastructure.settings.invalid_settings import InvalidSettings
from interfaces.composition.startup_checks import read_service_settings

ALL_ROLES = frozenset({"api", "worker", "projector", "scheduler"})
DATABASE_URL = "postgresql://me@db.example/easeboard"
KEY = "hex:" + "0123456789abcdef" * 4
SECRET = "a development secret, and long enough"


@pytest.fixture(autouse=True)
def _no_other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EASEBOARD_HOME", str(tmp_path / "home"))


def problems_of(*, host: str = "127.0.0.1", roles: Any = ALL_ROLES, **settings: Any) -> list[str]:
    try:
        read_service_settings(host, roles, **settings)
    except InvalidSettings as error:
        return [problem.split()[0] for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("settings", "first_words"),
    [
        ({}, []),
        ({"database_url": DATABASE_URL}, ["CANVAS_ENCRYPTION_KEY", "The"]),
        ({"database_url": DATABASE_URL, "roles": {"worker"}}, ["CANVAS_ENCRYPTION_KEY"]),
        ({"database_url": DATABASE_URL, "canvas_encryption_key": KEY}, []),
        (
            {
                "database_url": DATABASE_URL,
                "canvas_encryption_key": KEY,
                "supabase_jwt_secret": SECRET,
            },
            [],
        ),
        (
            {"database_url": DATABASE_URL, "sync_interval_minutes": "x"},
            ["SYNC_INTERVAL_MINUTES", "CANVAS_ENCRYPTION_KEY", "The"],
        ),
        (
            {
                "database_url": DATABASE_URL,
                "canvas_encryption_key": KEY,
                "supabase_jwt_secret": "short",
            },
            ["SUPABASE_JWT_SECRET"],
        ),
        ({"canvas_encryption_key": "short", "log_level": "x"}, ["LOG_LEVEL", "A"]),
        (
            {"database_url": "mysql://x", "log_level": "x"},
            ["DATABASE_URL", "LOG_LEVEL", "CANVAS_ENCRYPTION_KEY", "The"],
        ),
        (
            {"database_url": "mysql://x", "canvas_encryption_key": "short", "supabase_url": "foo"},
            ["DATABASE_URL", "SUPABASE_URL", "A"],
        ),
        ({"seal_witnesses": "/missing", "log_level": "x"}, ["LOG_LEVEL", "SEAL_WITNESSES:"]),
        ({"easeboard_home": "/dev/null/home"}, ["EASEBOARD_HOME"]),
        (
            {
                "host": "0.0.0.0",  # noqa: S104  # what an operator sets
                "supabase_jwt_secret": "super-secret-jwt-token-with-at-least-32-characters-long",
                "canvas_encryption_key": "short",
            },
            ["A", "SUPABASE_JWT_SECRET"],
        ),
    ],
)
def test_all_problems_are_found_at_once(settings: dict[str, Any], first_words: list[str]) -> None:
    assert problems_of(**settings) == first_words


def test_names_that_are_no_settings_are_listed_with_the_problems(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CANVAS_FOO", "1")
    assert problems_of() == []
    assert problems_of(log_level="x") == ["LOG_LEVEL", "CANVAS_FOO"]


def test_reading_them_creates_nothing(tmp_path: Path) -> None:
    problems_of()
    problems_of(database_url=DATABASE_URL)
    assert not list(tmp_path.iterdir())
