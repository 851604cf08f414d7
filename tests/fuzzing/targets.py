"""What strangers' bytes reach: Canvas's answers, its links, and the address somebody gives."""

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
from yarl import URL

from domain.canvas import digest
from domain.errors import CanvasAnswerUnusable, CanvasUrlNotAllowed
from infrastructure.canvas.host_policy import Hosts
from infrastructure.canvas.pagination import next_page
from infrastructure.canvas.parse_assignment import group_of, parse_assignment, parse_group
from infrastructure.canvas.parse_course import parse_course, student_id
from infrastructure.canvas.parse_feed_entry import parse_graded, parse_planned
from infrastructure.canvas.response_body import decoded
from infrastructure.canvas.socket_guard import public_ip

ORIGIN = "https://canvas.school.edu"
ALLOWED, PRIVATE = ("*.instructure.com", "canvas.school.edu"), ("127.0.0.1:9000",)
HOSTS = {
    "by list": Hosts(ALLOWED, PRIVATE),
    "any public": Hosts(["*"], []),
}


def answer(data: bytes) -> None:
    """Read bytes as every kind of answer; whatever they are, they are unusable or storable."""
    with suppress(CanvasAnswerUnusable):
        document = decoded(data, 10_000)
        for row in document if isinstance(document, list) else [document]:
            _read(row)


def _read(row: Any) -> None:
    student_id(row)
    group = parse_group(row) or group_of(row, {})
    for found in (parse_course(row, ORIGIN), parse_assignment(row, group, "42")):
        if found:
            kept = orjson.loads(orjson.dumps(found))
            assert digest(kept) == digest(found)
            assert b"\\u0000" not in orjson.dumps(found)
    for glimpse in (parse_graded(row), parse_planned(row)):
        assert glimpse is None or orjson.dumps(list(glimpse))


def address(data: bytes) -> None:
    """Read bytes as an address; what is let through is an origin that is allowed, and bare."""
    url = data.decode(errors="replace")
    for name, hosts in HOSTS.items():
        with suppress(CanvasUrlNotAllowed):
            origin = hosts.origin(url)
            parts = urlsplit(origin)
            host = parts.hostname or ""
            assert origin == f"{parts.scheme}://{parts.netloc}"
            assert not parts.username
            assert hosts.origin(origin) == origin
            if name == "any public":
                assert (parts.scheme, parts.port) == ("https", None)
                assert "." in host or public_ip(host.strip("[]"))
            elif origin != f"http://{PRIVATE[0]}":
                assert parts.scheme == "https" or f"{host}:{parts.port}" in PRIVATE
                assert host.endswith(".instructure.com") or host in {ORIGIN[8:], "127.0.0.1"}


def link(data: bytes) -> None:
    """Read bytes as a Link header; a next page is always on the same origin."""
    with suppress(CanvasAnswerUnusable):
        found = next_page(data.decode("latin-1"), URL(f"{ORIGIN}/api/v1/courses"))
        assert found is None or str(found).startswith(f"{ORIGIN}/api/v1/")


TARGETS = {"answer": answer, "address": address, "link": link}
