"""How settings are read from the environment, and how invalid ones are reported."""

import os
import re
import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from infrastructure.settings.invalid_settings import InvalidSettings
from infrastructure.settings.settings import (
    HOME_OF_ROOT,
    Settings,
    default_home,
    read_settings,
)

EXAMPLE = Path(__file__).parents[2] / ".env.example"
SECRET = "s3cr3t-canary"

VALUES = {
    "DATABASE_URL": "postgres://u:p%40ss@db:5432/easeboard?sslmode=require",
    "DATABASE_PASSWORD": "p@ss",
    "CANVAS_ENCRYPTION_KEY": " a key keeps its spaces: 32 bytes",
    "SUPABASE_URL": "https://Project.supabase.co/",
    "SUPABASE_ISSUER": "https://auth.school.edu/auth/v1",
    "SUPABASE_JWT_SECRET": secrets.token_hex(32),
    "SUPABASE_SERVICE_KEY": secrets.token_hex(32),
    "SUPABASE_ANON_KEY": " sb_publishable_ACJWlzQHlZjBrEguHvfOxg ",
    "REDIS_URL": "rediss://:p@redis:6379/0",
    "CANVAS_ALLOWED_HOSTS": "*.Instructure.com, canvas.school.edu,",
    "CANVAS_ALLOW_PRIVATE": "127.0.0.1:9000, [::1]:9001,sandbox:80",
    "CORS_ORIGINS": "https://App.school.edu/, http://localhost:3000",
    "TRUSTED_PROXIES": "10.1.2.3/8, 192.168.1.10, fd00::1",
    "CONSOLE": "OFF",
    "SYNC_INTERVAL_MINUTES": "15",
    "SYNC_CONCURRENCY": "4",
    "SYNC_CONCURRENCY_PER_HOST": "2",
    "LOG_LEVEL": "DEBUG",
    "LOG_FORMAT": "Json",
    "METRICS_PORT": "9464",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
    "SEAL_DIR": "/var/lib/seals",
    "SEAL_ORIGIN": "Easeboard.school.edu",
    "SEAL_ML_DSA": "On",
    "SEAL_WITNESSES": "/etc/easeboard/witnesses.policy",
    "EASEBOARD_HOME": "~/somewhere",
}
"""A value of each setting, as the environment has it."""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


def test_without_settings_the_embedded_database_and_the_documented_defaults_apply() -> None:
    settings = read_settings()
    assert settings.embedded
    assert settings.canvas_encryption_key is None
    assert settings.canvas_allowed_hosts == ("*.instructure.com",)
    assert settings.canvas_allow_private == ()
    assert settings.cors_origins == ()
    assert settings.sync_interval == timedelta(hours=2)
    assert (settings.log_level, settings.log_format) == ("info", None)
    assert settings.metrics_port is None
    assert (settings.console, settings.supabase_anon_key) == ("on", None)
    assert settings.home == default_home().absolute()


def test_every_value_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {name.lower() for name in VALUES} == set(Settings.model_fields)
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.database_url is not None
    assert not settings.embedded
    assert settings.database_url.get_secret_value() == VALUES["DATABASE_URL"]
    assert settings.canvas_encryption_key is not None
    assert settings.canvas_encryption_key.get_secret_value() == VALUES["CANVAS_ENCRYPTION_KEY"]
    assert settings.supabase_url == "https://project.supabase.co"
    assert settings.canvas_allowed_hosts == ("*.instructure.com", "canvas.school.edu")
    assert settings.canvas_allow_private == ("127.0.0.1:9000", "[::1]:9001", "sandbox:80")
    assert settings.cors_origins == ("https://app.school.edu", "http://localhost:3000")
    assert settings.supabase_issuer == "https://auth.school.edu/auth/v1"
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.168.1.10/32", "fd00::1/128")
    assert settings.sync_interval == timedelta(minutes=15)
    assert (settings.log_level, settings.log_format) == ("debug", "json")
    assert (settings.sync_concurrency, settings.sync_concurrency_per_host) == (4, 2)
    assert settings.metrics_port == 9464
    assert settings.console == "off"
    assert settings.supabase_anon_key == "sb_publishable_ACJWlzQHlZjBrEguHvfOxg"
    assert settings.otel_exporter_otlp_endpoint == "http://collector:4318"
    assert settings.home == Path.home() / "somewhere"


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = read_settings()
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), " " if name == "metrics_port" else "")
    assert read_settings() == defaults


def test_dot_env_is_read_and_the_environment_takes_precedence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("SOMETHING_ELSE=1\nLOG_LEVEL=warning\nMETRICS_PORT=9000\n")
    monkeypatch.setenv("METRICS_PORT", "9001")
    settings = read_settings()
    assert (settings.log_level, settings.metrics_port) == ("warning", 9001)


def test_a_dot_env_that_is_not_text_is_reported() -> None:
    Path(".env").write_bytes(b"LOG_LEVEL=\xff\xfe")
    with pytest.raises(InvalidSettings, match=r"^\.env cannot be read: its byte 11 is not UTF-8"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"mysql://u:{SECRET}@db/x"),
        ("DATABASE_URL", f"postgresql+asyncpg://u:{SECRET}@db/x"),
        ("DATABASE_URL", f"postgresql://u:{SECRET}/more@db name/x"),
        ("DATABASE_URL", f"postgresql://u:{SECRET}@db:port/x"),
        ("DATABASE_URL", f"postgresql://u:{SECRET}@db:99999/x"),
        ("DATABASE_URL", f"postgresql://db/x?{SECRET}=1"),
        ("REDIS_URL", f"http://:{SECRET}@redis"),
        ("REDIS_URL", f"redis://:{SECRET}@redis name:6379/0"),
        ("SUPABASE_URL", f"{SECRET}.supabase.co"),
        ("SUPABASE_URL", f"https://u:{SECRET}@supabase.co"),
        ("SUPABASE_URL", f"https://[{SECRET}"),
        ("CANVAS_ALLOWED_HOSTS", f"https://{SECRET}"),
        ("CANVAS_ALLOWED_HOSTS", f"*.*.{SECRET}"),
        ("CANVAS_ALLOWED_HOSTS", f"{SECRET} and more"),
        ("CANVAS_ALLOW_PRIVATE", SECRET),
        ("CANVAS_ALLOW_PRIVATE", f"{SECRET}:0"),
        ("CANVAS_ALLOW_PRIVATE", f"{SECRET}:70000"),
        ("CANVAS_ALLOW_PRIVATE", f"http://{SECRET}:80"),
        ("CORS_ORIGINS", SECRET),
        ("CORS_ORIGINS", f"https://app.school.edu/{SECRET}"),
        ("SYNC_INTERVAL_MINUTES", SECRET),
        ("SYNC_INTERVAL_MINUTES", "0"),
        ("SYNC_INTERVAL_MINUTES", "99999999999999999999"),
        ("LOG_LEVEL", SECRET),
        ("LOG_FORMAT", SECRET),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", SECRET),
        ("METRICS_PORT", "0"),
        ("METRICS_PORT", "65536"),
    ],
)
def test_an_invalid_value_is_reported_with_name_and_example_but_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as error:
        read_settings()
    assert re.fullmatch(rf"{name} should .+; for example {name}=\S+", str(error.value))
    assert SECRET not in str(error.value)
    assert error.value.__suppress_context__
    with pytest.raises(ValidationError) as validation_error:
        Settings()
    assert SECRET not in str(validation_error.value)


def test_all_invalid_values_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("METRICS_PORT", "x")
    with pytest.raises(InvalidSettings, match=r"(?s)LOG_LEVEL.*METRICS_PORT") as error:
        read_settings()
    assert error.value.names == {"log_level", "metrics_port"}
    assert error.value.problems[1].startswith("METRICS_PORT should be a whole number;")


def test_every_example_is_a_valid_value() -> None:
    for name, field in Settings.model_fields.items():
        assert field.examples
        assert getattr(read_settings(**{name: field.examples[0]}), name)


def test_settings_hide_secrets_and_are_immutable() -> None:
    values = {
        "database_url": f"postgresql://u:{SECRET}@db/x",
        "redis_url": f"redis://:{SECRET}@redis",
        "canvas_encryption_key": SECRET,
        "supabase_jwt_secret": SECRET + secrets.token_hex(16),
        "supabase_service_key": SECRET + secrets.token_hex(16),
    }
    settings = read_settings(**values)
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()}"
    assert SECRET not in settings.model_dump_json()
    with pytest.raises(ValidationError):
        settings.log_level = "debug"


def test_the_home_of_root_is_accessible_to_the_server_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_home() == HOME_OF_ROOT
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_home() != HOME_OF_ROOT
    assert default_home().name == "easeboard"


def test_the_example_file_lists_every_setting_with_a_comment() -> None:
    blocks = EXAMPLE.read_text().split("\n\n")[1:]
    examples = {}
    for block in blocks:
        comment, assignment = block.strip().split("\n")
        assert comment.startswith("# ")
        name, _, examples[name] = assignment.partition("=")
    assert list(examples) == [name.upper() for name in Settings.model_fields]
    assert examples["CANVAS_ENCRYPTION_KEY"] == "your-32-character-encryption-key"


def test_the_unchanged_example_file_gives_the_defaults() -> None:
    Path(".env").write_text(EXAMPLE.read_text())
    copied = read_settings().model_dump(exclude={"canvas_encryption_key"})
    Path(".env").unlink()
    assert copied == read_settings().model_dump(exclude={"canvas_encryption_key"})
