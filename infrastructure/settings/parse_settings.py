"""Parses values of settings; no error message repeats a value, which may be a secret."""

import re
from ipaddress import ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr, ValidationInfo

from infrastructure.settings.database_url import (
    DATABASE_URL_SCHEMES,
    InvalidDatabaseUrl,
    parse_libpq_url,
    split_libpq_url,
    split_url,
)
from infrastructure.settings.secret_strength import find_weakness

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_REDIS_SERVER = re.compile(r"(?:\[[\da-fA-F:.]+\]|[\w.~%-]*)(?::\d{1,5})?(?:/\d*)?(?:\?[^@#]*)?")
_REDIS_SOCKET = re.compile(r"/[^@?#]*(?:\?[^@#]*)?")
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_HOST_PATTERN = re.compile(rf"\*|(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")


def split_list(value: Any) -> list[str]:
    """Return the entries of a comma-separated list."""
    entries = value.split(",") if isinstance(value, str) else value
    return [entry.strip() for entry in entries if entry.strip()]


def require_strong(value: SecretStr, info: ValidationInfo) -> SecretStr:
    """Refuse a secret that can be guessed, or one that is published with a configured database.

    Raises: ValueError.
    """
    weakness = find_weakness(value.get_secret_value())
    is_embedded = info.data.get("database_url", value) is None
    if weakness and not (weakness.is_published and is_embedded):
        raise ValueError(weakness.rule)
    return value


def parse_host_pattern(entry: str) -> str:
    """Parse `canvas.school.edu`, `*.instructure.com` or `*`; raises ValueError."""
    pattern = entry.lower().rstrip(".")
    if not _HOST_PATTERN.fullmatch(pattern):
        raise ValueError("should be host patterns like *.instructure.com, separated by commas")
    return pattern


def parse_host_and_port(entry: str) -> str:
    """Parse `host:port`; raises ValueError."""
    try:
        parts = urlsplit(f"//{entry}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or parts.netloc != entry or "@" in entry:
        raise ValueError("should be host:port pairs, separated by commas")
    return entry.lower()


def parse_network(entry: str) -> str:
    """Parse an IP address or a network like `10.0.0.0/8`; raises ValueError."""
    try:
        return str(ip_network(entry, strict=False))
    except ValueError:
        raise ValueError(
            "should be IP addresses or networks like 10.0.0.0/8, separated by commas"
        ) from None


def parse_issuer(value: str) -> str:
    """Check the `iss` claim that tokens carry, compared character by character; raises ValueError.

    RFC 7519 permits any text without a colon, or a URI.
    """
    issuer = value.strip()
    if not issuer.isprintable() or any(character.isspace() for character in issuer):
        raise ValueError("should be the `iss` claim of the tokens, without spaces")
    return issuer


def parse_origin(entry: str) -> str:
    """Parse `https://host`, `http://host:port` or `*`; raises ValueError."""
    if entry == "*":
        return entry
    parts = _split_http_url(entry)
    if parts is None or parts.path.strip("/"):
        raise ValueError("should be origins (scheme and host, no path), separated by commas")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def parse_http_url(value: str) -> str:
    """Check an `http://` or `https://` URL without user, query and fragment; raises ValueError."""
    if _split_http_url(value.strip()) is None:
        raise ValueError(
            "should be an http:// or https:// URL without user name, query and fragment"
        )
    return value.strip()


def parse_supabase_url(value: str) -> str:
    """Return the URL of the project without a slash at its end; raises ValueError."""
    parts = _split_http_url(value.strip())
    if parts is None:
        raise ValueError("should be the https:// URL of the Supabase project")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _split_http_url(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        is_http_url = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    is_plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts if is_http_url and is_plain else None


def parse_redis_url(value: SecretStr) -> SecretStr:
    """Check a `redis://`, `rediss://` or `unix://` URL, and escape its password.

    Raises: ValueError.
    """
    address = value.get_secret_value().strip()
    if not address.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("should start with redis://, rediss:// or unix://")
    rest = _REDIS_SOCKET if address.startswith("unix://") else _REDIS_SERVER
    try:
        return SecretStr(split_url(address, lambda text: bool(rest.fullmatch(text))).escaped())
    except InvalidDatabaseUrl:
        raise ValueError(
            "should be a URL like redis://user:password@host:6379/0 or unix://user@/path?db=0"
        ) from None


def parse_database_url(value: SecretStr) -> SecretStr:
    """Check a `postgresql://` URL, and escape its password; raises ValueError."""
    address = value.get_secret_value().strip()
    if not address.startswith(DATABASE_URL_SCHEMES):
        raise ValueError("should start with postgresql:// or postgres://")
    try:
        conninfo_to_dict(**parse_libpq_url(address))
        return SecretStr(split_libpq_url(address).escaped())
    except (psycopg.Error, InvalidDatabaseUrl):
        raise ValueError(
            "should be a URL like postgresql://user:password@host:5432/database?sslmode=require"
        ) from None


def parse_seal_origin(value: str) -> str:
    """Parse a host name; raises ValueError."""
    host = value.lower()
    if not _HOST.fullmatch(host):
        raise ValueError("should be a host name")
    return host
