"""All settings, read once from the environment and `.env`; they cannot be changed."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infrastructure.setting_types import (
    parse_database_url,
    parse_host_and_port,
    parse_host_pattern,
    parse_http_url,
    parse_origin,
    parse_redis_url,
    parse_supabase_url,
    split_list,
)

HOME_OF_ROOT = Path("/var/lib/easeboard")
_WEEK_MINUTES = 7 * 24 * 60


class InvalidSettings(Exception):
    """Settings are not valid; the message names each with its rule and an example."""


def default_home() -> Path:
    """Return the directory for data that is used if EASEBOARD_HOME is not set.

    For root it is not the user data directory, because the embedded PostgreSQL then runs as
    another user, who cannot enter that.
    """
    if os.name == "posix" and os.geteuid() == 0:
        return HOME_OF_ROOT
    return platformdirs.user_data_path("easeboard", appauthor=False)


def _comma_separated(parse: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: tuple(parse(entry) for entry in split_list(value)))


HostPatterns = Annotated[tuple[str, ...], NoDecode, _comma_separated(parse_host_pattern)]
HostsAndPorts = Annotated[tuple[str, ...], NoDecode, _comma_separated(parse_host_and_port)]
Origins = Annotated[tuple[str, ...], NoDecode, _comma_separated(parse_origin)]
Lowercase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class Settings(BaseSettings):
    """The settings that `.env.example` describes; an empty value means the default."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[SecretStr, AfterValidator(parse_database_url)] | None = Field(
        default=None, examples=["postgresql://easeboard@localhost:5432/easeboard"]
    )
    canvas_encryption_key: SecretStr | None = Field(default=None, examples=["hex:<64 hex digits>"])
    supabase_url: Annotated[str, AfterValidator(parse_supabase_url)] | None = Field(
        default=None, examples=["https://abcdefgh.supabase.co"]
    )
    supabase_jwt_secret: SecretStr | None = Field(default=None, examples=["<JWT secret>"])
    supabase_service_key: SecretStr | None = Field(default=None, examples=["<service role key>"])
    """Reserved: nothing reads it yet. Erasure will use it to delete the auth user."""
    redis_url: Annotated[SecretStr, AfterValidator(parse_redis_url)] | None = Field(
        default=None, examples=["redis://localhost:6379/0"]
    )
    canvas_allowed_hosts: HostPatterns = Field(
        default=("*.instructure.com",), examples=["*.instructure.com,canvas.school.edu"]
    )
    canvas_allow_private: HostsAndPorts = Field(default=(), examples=["127.0.0.1:9000"])
    cors_origins: Origins = Field(
        default=(), examples=["https://app.school.edu,http://localhost:3000"]
    )
    sync_interval_minutes: int = Field(default=120, ge=1, le=_WEEK_MINUTES, examples=["120"])
    sync_concurrency: int = Field(default=16, ge=1, le=256, examples=["16"])
    sync_concurrency_per_host: int = Field(default=8, ge=1, le=1024, examples=["8"])
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lowercase] = Field(
        default="info", examples=["info"]
    )
    log_format: Annotated[Literal["json", "console"], Lowercase] | None = Field(
        default=None, examples=["json"]
    )
    metrics_port: int | None = Field(default=None, ge=1, le=65535, examples=["9464"])
    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(parse_http_url)] | None = Field(
        default=None, examples=["http://localhost:4318"]
    )
    easeboard_home: Path = Field(default_factory=default_home, examples=[str(HOME_OF_ROOT)])

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for name, value in values.items()
            if not (isinstance(value, str) and not value.strip())
        }

    @property
    def embedded(self) -> bool:
        """Whether the embedded database is used."""
        return self.database_url is None

    @property
    def home(self) -> Path:
        """The directory of the embedded database and its key, as an absolute path."""
        return self.easeboard_home.expanduser().absolute()

    @property
    def sync_interval(self) -> timedelta:
        """The time between two syncs of a connection, without jitter."""
        return timedelta(minutes=self.sync_interval_minutes)


def read_settings(**overrides: Any) -> Settings:
    """Read the settings of this process; `overrides` take precedence.

    Raises: InvalidSettings if a value is not valid, or if .env cannot be read.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise InvalidSettings(_error_message(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(
            f".env cannot be read ({type(error).__name__}): "
            "it must be a text file in UTF-8 that this user may read."
        ) from None


def _error_message(error: ValidationError) -> str:
    lines = ["These settings are not valid; correct them in the environment or in .env:"]
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(problem["loc"][0])
        message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        example = (Settings.model_fields[name].examples or [""])[0]
        lines.append(f"  {name.upper()} {message}; for example {name.upper()}={example}")
    return "\n".join(lines)
