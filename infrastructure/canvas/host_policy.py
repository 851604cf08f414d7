"""Which addresses we may send a token to."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from yarl import URL

from domain.errors import CanvasUrlNotAllowed
from infrastructure.canvas.socket_guard import public_ip

LONGEST_URL = 300
HTTP, HTTPS = 80, 443
LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
NAME = re.compile(rf"(?:{LABEL}\.)+{LABEL}")
NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
UNUSUAL = re.compile(r"[^\x21-\x7e\x80-\U0010ffff]|\\")
EXAMPLE = "give it like https://canvas.school.edu"


class Place(NamedTuple):
    """A host and port as the settings name it."""

    host: str
    port: int


class Hosts:
    """The policy of CANVAS_ALLOWED_HOSTS and CANVAS_ALLOW_PRIVATE."""

    def __init__(self, allowed: Iterable[str], private: Iterable[str]) -> None:
        self._patterns = tuple(_pattern(entry.strip()) for entry in allowed if entry.strip())
        self._private = frozenset(_place(entry.strip()) for entry in private if entry.strip())

    def origin(self, url: str) -> str:
        """The origin of an address; raises CanvasUrlNotAllowed with the way out."""
        parts = self._split(url.strip())
        host, port = _host(parts), _port(parts)
        written = f"[{host}]" if ":" in host else host
        usual = HTTP if parts.scheme == "http" else HTTPS
        if self._is_private(parts.scheme, host, port):
            return f"{parts.scheme}://{written}" + (f":{port}" if port not in {None, usual} else "")
        _must_be_public(parts.scheme, host, port, f"{written}:{port or usual}")
        self._must_be_allowed(host)
        return f"https://{written}"

    def is_private(self, origin: str) -> bool:
        """Whether an origin is one that CANVAS_ALLOW_PRIVATE opens up."""
        parts = urlsplit(origin)
        return self._is_private(parts.scheme, _host(parts), parts.port)

    def _is_private(self, scheme: str, host: str, port: int | None) -> bool:
        return Place(host, port or (HTTP if scheme == "http" else HTTPS)) in self._private

    def _split(self, url: str) -> SplitResult:
        if not url or len(url) > LONGEST_URL or UNUSUAL.search(url):
            raise CanvasUrlNotAllowed(f"This is no address of a Canvas; {EXAMPLE}.")
        try:
            parts = urlsplit(url if "://" in url else f"https://{url}")
            if "://" not in url and self._is_private("https", _host(parts), parts.port):
                parts = parts._replace(scheme="http")
        except ValueError:
            raise CanvasUrlNotAllowed(f"This is no address of a Canvas; {EXAMPLE}.") from None
        _must_be_bare(parts)
        return parts

    def _must_be_allowed(self, host: str) -> None:
        if not any(_matches(pattern, host) for pattern in self._patterns):
            raise CanvasUrlNotAllowed(
                f"{host} is none of the allowed Canvas hosts; an administrator can add it to"
                " CANVAS_ALLOWED_HOSTS."
            )


def _must_be_public(scheme: str, host: str, port: int | None, place: str) -> None:
    if not _is_public_host(host):
        raise CanvasUrlNotAllowed(
            f"{host} is no host on the public internet; for a sandbox, an administrator can set"
            f" CANVAS_ALLOW_PRIVATE={place}"
        )
    if scheme != "https":
        raise CanvasUrlNotAllowed(
            f"Canvas is only asked over https; {EXAMPLE}. For a sandbox without it, an"
            " administrator can open up one host and port with CANVAS_ALLOW_PRIVATE."
        )
    if port not in {None, HTTPS}:
        raise CanvasUrlNotAllowed(f"Canvas is only asked at port 443; {EXAMPLE}.")


def _must_be_bare(parts: SplitResult) -> None:
    if parts.scheme not in {"http", "https"}:
        raise CanvasUrlNotAllowed(f"Canvas is only asked over https; {EXAMPLE}.")
    if "@" in parts.netloc:
        raise CanvasUrlNotAllowed(f"The address must not hold a user name; {EXAMPLE}.")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise CanvasUrlNotAllowed(f"Only the address of the host is wanted; {EXAMPLE}.")


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").removesuffix(".")
    if ":" in host:
        try:
            return ip_address(host).compressed
        except ValueError:
            host = ""
    host = _ascii(host)
    if not (NAME.fullmatch(host) or re.fullmatch(LABEL, host)):
        raise CanvasUrlNotAllowed(f"This is no host name; {EXAMPLE}.")
    return host


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise CanvasUrlNotAllowed(f"This is no port; {EXAMPLE}.") from None


def _ascii(host: str) -> str:
    """A host as it goes over the wire, by the same rules as the client that will ask it."""
    lower = host.lower().removesuffix(".")
    if lower.isascii():
        return lower
    try:
        return URL.build(scheme="https", host=lower).raw_host or ""
    except ValueError:
        return ""


def _is_public_host(host: str) -> bool:
    try:
        return public_ip(ip_address(host).compressed)
    except ValueError:
        return "." in host and not NUMBER.fullmatch(host.rpartition(".")[2])


def _pattern(entry: str) -> str:
    below = entry.removeprefix("*.")
    return entry if entry == "*" else entry[: len(entry) - len(below)] + _ascii(below)


def _matches(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return pattern in {"*", host}


def _place(entry: str) -> Place:
    parts = urlsplit(f"//{entry}")
    try:
        host, port = _host(parts), parts.port
    except (CanvasUrlNotAllowed, ValueError):
        port = None
    if not port or parts.path or "@" in entry:
        raise ValueError(f"CANVAS_ALLOW_PRIVATE wants host:port, not {entry!r}")
    return Place(host, port)
