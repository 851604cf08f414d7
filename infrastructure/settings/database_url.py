"""Parses the URL of a database, whatever characters the password has.

RFC 3986 and libpq require `@ : / ? # %` in a password as %XX, and people forget it. Where nothing
else can be meant, they are accepted as they are.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

from psycopg import pq

_HOST = r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.%-]+)?\]|[\w.~%-]*)(?::\d{1,5})?"
_REST = re.compile(rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/(?P<path>[^@?]*))?(?:\?(?P<query>.*))?")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_UNRESERVED = "-._~!$&'()*+,;="
MAX_PORT = 65535
LIBPQ_PARAMETERS = {option.keyword.decode() for option in pq.Conninfo.get_defaults()} | {"ssl"}
DATABASE_URL_SCHEMES = ("postgresql://", "postgres://")


class InvalidDatabaseUrl(ValueError):
    """A URL cannot be parsed; the message has no part of it."""


class SplitUrl(NamedTuple):
    """The parts of a URL: the decoded user and password, and the rest as it was written."""

    scheme: str
    user: str | None
    password: str | None
    rest: str
    """What follows the `@`: hosts, path and query."""

    def escaped(self) -> str:
        """Return the URL with every special character of user and password as %XX."""
        if self.user is None and self.password is None:
            return f"{self.scheme}://{self.rest}"
        password = "" if self.password is None else f":{_escape(self.password)}"
        return f"{self.scheme}://{_escape(self.user or '')}{password}@{self.rest}"


def split_url(url: str, is_rest: Callable[[str], bool]) -> SplitUrl:
    """Split a URL with a user and a password that may have any characters.

    The first `@` after which `is_rest` accepts all that follows ends the password; that is the last
    `@` unless the query has one. The first colon ends the user. `%XX` is decoded where it is valid,
    so a password that has such a sequence itself must be escaped.

    Raises: InvalidDatabaseUrl if there is no such `@`.
    """
    scheme, _, address = url.partition("://")
    if is_rest(address):
        return SplitUrl(scheme, None, None, address)
    for position in _positions("@", address):
        userinfo, rest = address[:position], address[position + 1 :]
        if is_rest(rest):
            user, colon, password = userinfo.partition(":")
            return SplitUrl(scheme, decode(user), decode(password) if colon else None, rest)
    raise InvalidDatabaseUrl


def split_secrets(url: str) -> tuple[list[str], list[str]]:
    """Return the passwords in an escaped URL, and the texts in it that are no secrets."""
    address, _, query = url.partition("://")[2].partition("?")
    userinfo, _, place = address.rpartition("@")
    user, _, password = userinfo.partition(":")
    parameters = [pair.partition("=") for pair in query.split("&")]
    secrets = [password, *(value for name, _, value in parameters if "password" in name)]
    public = [user, place, *(value for name, _, value in parameters if "password" not in name)]
    return list(map(decode, filter(None, secrets))), list(map(decode, filter(None, public)))


def split_libpq_url(url: str) -> SplitUrl:
    """Split a `postgresql://` URL at the end of its password; raises InvalidDatabaseUrl."""
    return split_url(url, _is_libpq_rest)


def parse_libpq_url(url: str) -> dict[str, str]:
    """Return the parameters of a `postgresql://` URL as libpq names them.

    Raises: InvalidDatabaseUrl if a part other than the user and the password is malformed.
    """
    _, user, password, rest = split_libpq_url(url)
    match = _REST.fullmatch(rest)
    if match is None:
        raise InvalidDatabaseUrl
    hosts, ports = zip(*(_split_host(host) for host in match["hosts"].split(",")), strict=True)
    parameters = {
        "user": user or None,
        "password": password or None,
        "host": ",".join(hosts) if any(hosts) else None,
        "port": ",".join(ports) if any(ports) else None,
        "dbname": decode(match["path"] or "") or None,
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    return given | dict(_query_parameters(match["query"] or ""))


def decode(text: str) -> str:
    """Decode `%XX`; what is not valid, not UTF-8 or a null character remains as it is."""
    return _ESCAPES.sub(_decode_run, text)


def _decode_run(match: re.Match[str]) -> str:
    try:
        decoded = unquote(match[0], errors="strict")
    except UnicodeDecodeError:
        return match[0]
    return match[0] if "\0" in decoded else decoded


def _escape(text: str) -> str:
    return quote(text, safe=_UNRESERVED)


def _is_libpq_rest(rest: str) -> bool:
    match = _REST.fullmatch(rest)
    if match is None:
        return False
    ports = [_split_host(host)[1] for host in match["hosts"].split(",")]
    has_ports = all(0 < int(port) <= MAX_PORT for port in ports if port)
    return has_ports and _names_of(match["query"] or "") <= LIBPQ_PARAMETERS


def _names_of(query: str) -> set[str]:
    return {pair.partition("=")[0] for pair in query.split("&")} if query else set()


def _query_parameters(query: str) -> Iterator[tuple[str, str]]:
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        if name == "ssl" and value == "true":
            # As libpq reads it, for URLs of JDBC.
            yield "sslmode", "require"
        else:
            yield name, decode(value)


def _split_host(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        return decode(name), port.removeprefix(":")
    name, _, port = host.partition(":")
    return decode(name), port


def _positions(character: str, text: str) -> Iterator[int]:
    position = text.find(character)
    while position >= 0:
        yield position
        position = text.find(character, position + 1)
