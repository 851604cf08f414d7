"""Parses values of settings; no error message repeats a value, which may be a secret."""

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST_PATTERN = re.compile(rf"\*|(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")


def split_list(value: Any) -> list[str]:
    """Return the entries of a comma-separated list."""
    entries = value.split(",") if isinstance(value, str) else value
    return [entry.strip() for entry in entries if entry.strip()]


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
    """Check a `redis://`, `rediss://` or `unix://` URL; raises ValueError."""
    address = value.get_secret_value().strip()
    if not address.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("should start with redis://, rediss:// or unix://")
    return SecretStr(address)


def parse_database_url(value: SecretStr) -> SecretStr:
    """Check a `postgresql://` URL that libpq can parse; raises ValueError."""
    address = value.get_secret_value().strip()
    if not address.startswith(("postgresql://", "postgres://")):
        raise ValueError("should start with postgresql:// or postgres://")
    try:
        fields = conninfo_to_dict(address)
        ports = [port for port in str(fields.get("port") or "").split(",") if port]
        is_valid = all(port.isdecimal() and 0 < int(port) < 1 << 16 for port in ports)
    except (psycopg.Error, UnicodeDecodeError):
        is_valid = False
    if not is_valid:
        raise ValueError(
            "should be a URL that libpq can parse: write @ : / ? # % in the password as %XX"
        )
    return SecretStr(address)
