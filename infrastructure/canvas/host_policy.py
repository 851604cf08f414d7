"""Decides to which addresses a Canvas token may be sent."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from yarl import URL

from domain.errors import CanvasUrlNotAllowed
from infrastructure.canvas.pasted_text import NotHttp, split_address
from infrastructure.canvas.socket_guard import is_metadata_address, is_public_address

MAX_AUTHORITY_LENGTH, MAX_HOST_LENGTH = 300, 253
"""A host name has at most 253 characters (RFC 1035, 2.3.4)."""
HTTP_PORT, HTTPS_PORT = 80, 443
HOST_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
HOST_NAME = re.compile(rf"(?:{HOST_LABEL}\.)+{HOST_LABEL}")
NUMERIC_LABEL = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
PUNYCODE_PREFIX = "xn--"
FORBIDDEN_CHARACTERS = re.compile(r"[\x00-\x20\x7f\\]|\s")
"""Characters that `urlsplit` removes, or that some programs take for the end of the host."""
URL_HINT = "enter an address like https://canvas.school.edu"


class HostAndPort(NamedTuple):
    """An entry of CANVAS_ALLOW_PRIVATE."""

    host: str
    port: int


class HostPolicy:
    """Allows the hosts that match CANVAS_ALLOWED_HOSTS, and the places in CANVAS_ALLOW_PRIVATE.

    A pattern is a host name, `*.` and a domain for its subdomains, or `*` for every public host.
    """

    def __init__(self, allowed: Iterable[str], private: Iterable[str]) -> None:
        self._patterns = tuple(
            _normalize_pattern(entry.strip()) for entry in allowed if entry.strip()
        )
        self._private = frozenset(
            _parse_host_and_port(entry.strip()) for entry in private if entry.strip()
        )

    def allowed_origin(self, url: str) -> str:
        """Return the origin of any address on a Canvas, without a default port.

        The address may be copied from a browser: path, query and what people paste around it are
        left out. The scheme is https, unless the host is private.

        Raises: CanvasUrlNotAllowed with what to do, if the address is not valid or not allowed.
        """
        parts = self._parse(url)
        host, port = _host_of(parts), _port_of(parts)
        url_host = f"[{host}]" if ":" in host else host
        default_port = HTTP_PORT if parts.scheme == "http" else HTTPS_PORT
        if is_metadata_address(host):
            raise CanvasUrlNotAllowed(
                f"{host} is an address at which clouds serve metadata; no setting allows it."
            )
        if self._is_private(parts.scheme, host, port):
            return f"{parts.scheme}://{url_host}" + (
                f":{port}" if port not in {None, default_port} else ""
            )
        _check_public(host, port, f"{url_host}:{port or default_port}", default_port)
        self._check_allowed(host)
        return f"https://{url_host}"

    def is_private(self, origin: str) -> bool:
        """Whether CANVAS_ALLOW_PRIVATE lists the host and port of an origin."""
        parts = urlsplit(origin)
        return self._is_private(parts.scheme, _host_of(parts), parts.port)

    def is_named(self, origin: str) -> bool:
        """Whether a setting names the host of an origin or its domain, so not only `*` allows it.

        Nobody but the operator chooses such a host.
        """
        patterns = [pattern for pattern in self._patterns if pattern != "*"]
        host = _host_of(urlsplit(origin))
        return self.is_private(origin) or any(_matches(pattern, host) for pattern in patterns)

    def _is_private(self, scheme: str, host: str, port: int | None) -> bool:
        return (
            HostAndPort(host, port or (HTTP_PORT if scheme == "http" else HTTPS_PORT))
            in self._private
        )

    def _parse(self, url: str) -> SplitResult:
        try:
            scheme, authority = split_address(url)
            _check_authority(authority)
            parts = urlsplit(f"{scheme or 'https'}://{authority}")
            if scheme is None and self._is_private("https", _host_of(parts), parts.port):
                parts = parts._replace(scheme="http")
        except NotHttp:
            raise CanvasUrlNotAllowed(f"Canvas is only used over https; {URL_HINT}.") from None
        except ValueError:
            raise CanvasUrlNotAllowed(f"This is not the address of a Canvas; {URL_HINT}.") from None
        return parts

    def _check_allowed(self, host: str) -> None:
        if not any(_matches(pattern, host) for pattern in self._patterns):
            raise CanvasUrlNotAllowed(
                f"{host} is not an allowed Canvas host; an administrator can add it to"
                " CANVAS_ALLOWED_HOSTS."
            )


def _check_public(host: str, port: int | None, host_and_port: str, default_port: int) -> None:
    if not _is_public_host(host):
        raise CanvasUrlNotAllowed(
            f"{host} is not a host on the public internet; for a sandbox, an administrator can set"
            f" CANVAS_ALLOW_PRIVATE={host_and_port}"
        )
    if port not in {None, HTTPS_PORT, default_port}:
        raise CanvasUrlNotAllowed(f"Canvas is only used on port 443; {URL_HINT}.")


def _check_authority(authority: str) -> None:
    if not authority or len(authority) > MAX_AUTHORITY_LENGTH:
        raise CanvasUrlNotAllowed(f"This is not the address of a Canvas; {URL_HINT}.")
    if FORBIDDEN_CHARACTERS.search(authority):
        raise CanvasUrlNotAllowed(
            f"The address must not contain blanks or backslashes before its path; {URL_HINT}."
        )
    if "@" in authority:
        raise CanvasUrlNotAllowed(
            f"Remove the user name and the password from the address; {URL_HINT}."
        )


def _host_of(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "[" in parts.netloc:
        try:
            return IPv6Address(host).compressed
        except ValueError:
            host = ""
    host = _to_ascii(host)
    if len(host) > MAX_HOST_LENGTH or not (
        HOST_NAME.fullmatch(host) or re.fullmatch(HOST_LABEL, host)
    ):
        raise CanvasUrlNotAllowed(f"The host name is not valid; {URL_HINT}.")
    return host


def _port_of(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise CanvasUrlNotAllowed(f"The port is not valid; {URL_HINT}.") from None


def _to_ascii(host: str) -> str:
    """Convert a host name to ASCII with the rules (IDNA) of the client that sends the requests.

    Returns an empty text if the name cannot be converted, or not back again: a program that shows
    or resolves such a name (`xn--a`) would fail or take it for another one.
    """
    lowercase = host.lower().removesuffix(".")
    if lowercase.isascii() and PUNYCODE_PREFIX not in lowercase:
        return lowercase
    try:
        name = _raw_host(lowercase)
        return name if _raw_host(URL.build(scheme="https", host=name).host or "") == name else ""
    except ValueError:
        return ""


def _raw_host(host: str) -> str:
    return URL.build(scheme="https", host=host).raw_host or ""


def _is_public_host(host: str) -> bool:
    try:
        return is_public_address(ip_address(host).compressed)
    except ValueError:
        return "." in host and not NUMERIC_LABEL.fullmatch(host.rpartition(".")[2])


def _normalize_pattern(entry: str) -> str:
    domain = entry.removeprefix("*.")
    return entry if entry == "*" else entry[: len(entry) - len(domain)] + _to_ascii(domain)


def _matches(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return pattern in {"*", host}


def _parse_host_and_port(entry: str) -> HostAndPort:
    parts = urlsplit(f"//{entry}")
    try:
        host, port = _host_of(parts), parts.port
    except (CanvasUrlNotAllowed, ValueError):
        port = None
    if not port or parts.path or "@" in entry:
        raise ValueError(f"each entry of CANVAS_ALLOW_PRIVATE must be host:port, not {entry!r}")
    return HostAndPort(host, port)
