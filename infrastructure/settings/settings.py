"""All settings, read once from the environment and `.env`; they cannot be changed."""

import os
from collections.abc import Collection, Iterator, Mapping
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

from infrastructure.observability.redaction import hide_secret
from infrastructure.settings.anon_key import parse_anon_key
from infrastructure.settings.database_password import to_database_url
from infrastructure.settings.database_url import InvalidDatabaseUrl, split_secrets
from infrastructure.settings.env_file import ENV_FILE
from infrastructure.settings.invalid_settings import InvalidSettings
from infrastructure.settings.master_key_text import public_parts
from infrastructure.settings.parse_settings import (
    parse_database_url,
    parse_host_and_port,
    parse_host_pattern,
    parse_http_url,
    parse_issuer,
    parse_network,
    parse_origin,
    parse_redis_url,
    parse_seal_origin,
    parse_supabase_url,
    require_strong,
    split_list,
)
from infrastructure.settings.secret_strength import is_published

ADDRESS_OF_NONE = "postgresql://database.invalid/easeboard"
"""Takes the place of a malformed DATABASE_URL, whose default is another database."""
HOME_OF_ROOT = Path("/var/lib/easeboard")
_WEEK_MINUTES = 7 * 24 * 60


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


StrongSecret = Annotated[SecretStr, AfterValidator(require_strong)]
"""A secret of at least 32 bytes that is neither predictable nor, for others to use, published.

A setting of this type follows `database_url`, which decides whether it may be a published one.
"""
HostPatterns = Annotated[tuple[str, ...], NoDecode, _comma_separated(parse_host_pattern)]
HostsAndPorts = Annotated[tuple[str, ...], NoDecode, _comma_separated(parse_host_and_port)]
Networks = Annotated[tuple[str, ...], NoDecode, _comma_separated(parse_network)]
Origins = Annotated[tuple[str, ...], NoDecode, _comma_separated(parse_origin)]
Lowercase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


PLAIN_MESSAGES = {"int_parsing": "should be a whole number"}
"""Messages of pydantic in the words of a user, by their types."""
URL_SETTINGS = ("database_url", "redis_url")
"""The settings that are URLs with a password."""
STRONG_SECRETS = ("supabase_jwt_secret", "supabase_service_key")
"""The settings of the type StrongSecret."""


class Settings(BaseSettings):
    """The settings that `.env.example` describes; an empty value means the default."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[SecretStr, AfterValidator(parse_database_url)] | None = Field(
        default=None, examples=["postgresql://easeboard@localhost:5432/easeboard"]
    )
    database_password: SecretStr | None = Field(default=None, examples=["<password>"])
    canvas_encryption_key: SecretStr | None = Field(default=None, examples=["hex:<64 hex digits>"])
    supabase_url: Annotated[str, AfterValidator(parse_supabase_url)] | None = Field(
        default=None, examples=["https://abcdefgh.supabase.co"]
    )
    supabase_issuer: Annotated[str, AfterValidator(parse_issuer)] | None = Field(
        default=None, examples=["https://auth.school.edu/auth/v1"]
    )
    supabase_jwt_secret: StrongSecret | None = Field(
        default=None, examples=["your-secret-of-64-hex-digits-from-openssl-rand"]
    )
    supabase_service_key: StrongSecret | None = Field(
        default=None, examples=["your-service-role-key-of-the-supabase-project"]
    )
    """Used only to delete the auth user when an erasure asks for that."""
    supabase_anon_key: Annotated[str, AfterValidator(parse_anon_key)] | None = Field(
        default=None, examples=["sb_publishable_<characters>"]
    )
    """The key for browsers: public, so the console sends it to each of them."""
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
    trusted_proxies: Networks = Field(
        default=("127.0.0.0/8", "::1/128"), examples=["10.0.0.0/8,192.168.1.10"]
    )
    console: Annotated[Literal["on", "off"], Lowercase] = Field(default="on", examples=["off"])
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
    seal_dir: Path | None = Field(default=None, examples=["/var/lib/easeboard/seals"])
    seal_origin: Annotated[str, AfterValidator(parse_seal_origin)] = Field(
        default="localhost", examples=["easeboard.school.edu"]
    )
    seal_ml_dsa: Annotated[Literal["on", "off"], Lowercase] = Field(default="off", examples=["on"])
    seal_witnesses: Path | None = Field(default=None, examples=["/etc/easeboard/witnesses.policy"])
    easeboard_home: Path = Field(default_factory=default_home, examples=[str(HOME_OF_ROOT)])

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for name, value in values.items()
            if not (isinstance(value, str) and not value.strip())
        }

    @model_validator(mode="before")
    @classmethod
    def _database_url_has_the_password(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        address, password = values.get("database_url"), values.get("database_password")
        if not isinstance(address, str) or not address.strip():
            return dict(values)
        try:
            url = to_database_url(address.strip(), password or None)
        except InvalidDatabaseUrl:
            url = address
        return {**values, "database_url": url}

    def published_secrets(self) -> list[str]:
        """Return the names of the settings with a published secret, as the environment has them.

        They are accepted with the embedded database only, and a process that others can reach over
        the network must refuse them.
        """
        values = {name: getattr(self, name) for name in STRONG_SECRETS}
        return [
            name.upper()
            for name, value in values.items()
            if value and is_published(value.get_secret_value())
        ]

    @classmethod
    def defaults_of(cls, names: Collection[str]) -> dict[str, Any]:
        """Return the defaults of some settings by field name."""
        fields = cls.model_fields
        return {name: fields[name].get_default(call_default_factory=True) for name in names}

    @classmethod
    def instead_of(cls, names: Collection[str]) -> dict[str, Any]:
        """Return what to read instead of malformed values, so that the others can be examined.

        They are the defaults, and for DATABASE_URL an address that must not be opened.
        """
        defaults = cls.defaults_of(names)
        return defaults | {name: ADDRESS_OF_NONE for name in names if name == "database_url"}

    @property
    def embedded(self) -> bool:
        """Whether the embedded database is used."""
        return self.database_url is None

    @property
    def home(self) -> Path:
        """The directory of the embedded database and its key, as an absolute path."""
        return self.easeboard_home.expanduser().absolute()

    @property
    def seal_directory(self) -> Path | None:
        """Where the seals are published as files; None: nowhere."""
        if self.seal_dir is not None:
            return self.seal_dir.expanduser().absolute()
        return self.home / "seals" if self.embedded else None

    @property
    def sync_interval(self) -> timedelta:
        """The time between two syncs of a connection, without jitter."""
        return timedelta(minutes=self.sync_interval_minutes)


def read_settings(**overrides: Any) -> Settings:
    """Read the settings of this process; `overrides` take precedence.

    Raises: InvalidSettings if a value is not valid, or if .env cannot be read.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        names = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
        raise InvalidSettings(list(_problems(error)), names) from None
    except UnicodeDecodeError as error:
        raise InvalidSettings(
            [f".env cannot be read: its byte {error.start + 1} is not UTF-8; save it in UTF-8."]
        ) from None
    except OSError as error:
        raise InvalidSettings(
            [f".env cannot be read ({error.strerror}): it must be a file that this user may read."]
        ) from None
    _hide_secrets(settings)
    return settings


def _hide_secrets(settings: Settings) -> None:
    """Replace every secret of the settings in texts that are logged and printed from now on."""
    texts = {
        name: value.get_secret_value()
        for name in Settings.model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    master_keys = texts.get("canvas_encryption_key", "")
    secrets, public = [], ["easeboard", "base64:", "hex:", *public_parts(master_keys)]
    for name in URL_SETTINGS:
        found, others = split_secrets(texts.pop(name, ""))
        secrets += found
        public += others
    for secret in [*secrets, *texts.values()]:
        hide_secret(secret, public=public)


def _problems(error: ValidationError) -> Iterator[str]:
    """Yield a sentence for each value that is not valid; none has a part of the value."""
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = str(problem["loc"][0])
        message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        message = PLAIN_MESSAGES.get(problem["type"], message)
        example = (Settings.model_fields[name].examples or [""])[0]
        yield f"{name.upper()} {message}; for example {name.upper()}={example}"
