"""Fuzzing targets: the parsers of Canvas responses, page links, and addresses of users."""

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
from yarl import URL

from domain.digests import digest
from domain.errors import CanvasResponseUnusable, CanvasUrlNotAllowed
from infrastructure.canvas.host_policy import HostPolicy
from infrastructure.canvas.pagination import next_page_url
from infrastructure.canvas.parse_assignment import find_group, parse_assignment, parse_group
from infrastructure.canvas.parse_course import find_student_id, parse_course
from infrastructure.canvas.parse_feed_entry import parse_graded_submission, parse_planner_item
from infrastructure.canvas.response_body import decode_json
from infrastructure.canvas.socket_guard import is_public_address

ORIGIN = "https://canvas.school.edu"
ALLOWED_HOSTS, PRIVATE_HOSTS = ("*.instructure.com", "canvas.school.edu"), ("127.0.0.1:9000",)
POLICIES = {
    "by list": HostPolicy(ALLOWED_HOSTS, PRIVATE_HOSTS),
    "any public": HostPolicy(["*"], []),
}


def read_response(data: bytes) -> None:
    """Parse bytes as every kind of response; check that the results can be stored."""
    with suppress(CanvasResponseUnusable):
        document = _run_without_loop(decode_json(data))
        for row in document if isinstance(document, list) else [document]:
            _read_row(row)


def _run_without_loop(steps: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    while True:
        try:
            steps.send(None)
        except StopIteration as end:
            return end.value


def _read_row(row: Any) -> None:
    find_student_id(row)
    group = parse_group(row) or find_group(row, {})
    for parsed in (parse_course(row, ORIGIN), parse_assignment(row, group, "42")):
        if parsed:
            round_tripped = orjson.loads(orjson.dumps(parsed))
            assert digest(round_tripped) == digest(parsed)
            assert b"\\u0000" not in orjson.dumps(parsed)
    for entry in (parse_graded_submission(row), parse_planner_item(row)):
        assert entry is None or orjson.dumps(list(entry))


def check_address(data: bytes) -> None:
    """Parse bytes as an address; check that the result is an allowed origin and nothing more."""
    url = data.decode(errors="replace")
    for name, policy in POLICIES.items():
        with suppress(CanvasUrlNotAllowed):
            origin = policy.allowed_origin(url)
            parts = urlsplit(origin)
            host = parts.hostname or ""
            assert origin == f"{parts.scheme}://{parts.netloc}"
            assert not parts.username
            assert policy.allowed_origin(origin) == origin
            if name == "any public":
                assert (parts.scheme, parts.port) == ("https", None)
                assert "." in host or is_public_address(host.strip("[]"))
            elif origin != f"http://{PRIVATE_HOSTS[0]}":
                assert parts.scheme == "https" or f"{host}:{parts.port}" in PRIVATE_HOSTS
                assert host.endswith(".instructure.com") or host in {ORIGIN[8:], "127.0.0.1"}


def check_link(data: bytes) -> None:
    """Parse bytes as a `Link` header; check that the next page is in the API of the same origin."""
    with suppress(CanvasResponseUnusable):
        next_url = next_page_url(data.decode("latin-1"), URL(f"{ORIGIN}/api/v1/courses"))
        assert next_url is None or str(next_url).startswith(f"{ORIGIN}/api/v1/")


TARGETS = {"response": read_response, "address": check_address, "link": check_link}
