"""Which variables are reported because they look like settings and are none."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from infrastructure.settings.settings import Settings
from interfaces.composition.unknown_settings import find_unknown_settings, log_unknown_settings


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_with_a_letter_too_few_is_reported_with_the_name_that_was_meant(
    name: str,
) -> None:
    setting = name.upper()
    misspelt = [setting[:index] + setting[index + 1 :] for index in range(1, len(setting))]
    for wrong in misspelt:
        found = find_unknown_settings([wrong])
        assert [each.name for each in found] == [wrong]
    assert find_unknown_settings([misspelt[-1]])[0].similar == setting


@pytest.mark.parametrize(
    ("name", "similar"),
    [
        ("SYNC_INTERVAL", "SYNC_INTERVAL_MINUTES"),
        ("sync_interval_minute", "SYNC_INTERVAL_MINUTES"),
        ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_KEY"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("CANVAS_HOSTS", None),
        ("EASEBOARD_COLOUR", None),
    ],
)
def test_other_names_that_begin_like_a_setting_are_reported(name: str, similar: str | None) -> None:
    [found] = find_unknown_settings([name])
    assert (found.name, found.similar) == (name.upper(), similar)


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "LANG", "OTEL_SERVICE_NAME", "POSTGRES_PASSWORD", "PGHOST"),
        *("REDIS_PORT", "REDIS_SERVICE_HOST", "REDIS_PORT_6379_TCP_ADDR", "SUPABASE_PROJECT_REF"),
    ],
)
def test_names_of_other_programs_are_not_reported(name: str) -> None:
    assert find_unknown_settings([name]) == []


def test_a_name_is_no_misspelling_of_a_setting_that_is_set_too() -> None:
    [found] = find_unknown_settings(["SUPABASE_SERVICE_KEY", "SUPABASE_SERVICE_ROLE_KEY"])
    assert (found.name, found.similar) == ("SUPABASE_SERVICE_ROLE_KEY", None)


def test_the_environment_and_the_file_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SUPABASE_ISUER='a b'\n# LOG_LEVL=x\n")
    monkeypatch.setenv("METRICS_PRT", "1")
    names = {found.name for found in find_unknown_settings()}
    assert {"SUPABASE_ISUER", "METRICS_PRT"} <= names
    assert "LOG_LEVL" not in names


def test_unknown_settings_are_logged_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANVAS_ALLOWED_HOST", "canvas.school.edu")
    with capture_logs() as logs:
        log_unknown_settings()
    [entry] = [entry for entry in logs if entry["setting"] == "CANVAS_ALLOWED_HOST"]
    assert entry["log_level"] == "warning"
    assert "CANVAS_ALLOWED_HOSTS" in entry["reason"]
