"""Faults on demand: what the next requests meet instead of a proper answer.

Answers of their own
    `error_500`, `error_502` in JSON; `html_502`, `html_503`, `html_504` from a proxy;
    `throttle_403`, `throttle_429`; `denied`; `not_found`; `bad_json`; `deep_json` (nested
    100,000 deep); `html_200` (a login page); `redirect` (to `to`); `gzip_bomb` (`megabytes`)
Proper answers, spoilt
    `includes_ignored` (as scoped keys do); `next_elsewhere` (the next page is on host `to`);
    `next_repeats` (the next page is this one); `endless_pages` (there is always a next page)
Connections
    `reset`; `hang` (no byte, ever); `slow_drip` (a byte every `seconds`);
    `truncated` (closed half-way); `endless` (a body that never ends)
"""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from infrastructure.canvas_sandbox.error_responses import (
    HTML,
    JSON,
    Answer,
    broken,
    circuit_open,
    denied,
    no_such_record,
    page,
    throttled,
)

MEGABYTE = 1 << 20
DEPTH = 100_000
ELSEWHERE = "https://elsewhere.invalid"


@dataclass(slots=True)
class Fault:
    """One kind of fault; `times` is None for ever, `path` a pattern, `student` an index."""

    kind: str
    times: int | None = 1
    path: str = ""
    student: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def hits(self, path: str, student: int | None) -> bool:
        """Whether a request meets this fault."""
        theirs = self.student is None or self.student == student
        return theirs and re.search(self.path, path) is not None


class Faults:
    """The faults that wait, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def inject(self, fault: Fault) -> None:
        """Let a fault wait for its requests; raises ValueError for an unknown kind."""
        if fault.kind not in KINDS:
            raise ValueError(f"no fault is called {fault.kind!r}; there are {', '.join(KINDS)}")
        self._waiting.append(fault)

    def clear(self) -> None:
        """Behave again."""
        self._waiting.clear()

    def meet(self, path: str, student: int | None) -> Fault | None:
        """The fault that this request meets, if any."""
        for fault in self._waiting:
            if fault.hits(path, student):
                if fault.times is not None:
                    fault.times -= 1
                    if not fault.times:
                        self._waiting.remove(fault)
                return fault
        return None


def replacement(fault: Fault) -> Answer | None:
    """The answer that stands for the proper one; None where the fault is of another sort."""
    make = REPLACEMENTS.get(fault.kind)
    return make(fault.details) if make else None


def spoil(fault: Fault, answer: Answer, url: str) -> Answer:
    """A proper answer made wrong."""
    if fault.kind not in SPOILT:
        return answer
    separator = "&" if "?" in url else "?"
    following = {
        "next_elsewhere": f"{fault.details.get('to', ELSEWHERE)}/api/v1/courses?page=2",
        "next_repeats": url,
        "endless_pages": f"{url}{separator}again=1",
    }
    if fault.kind not in following:
        return answer
    link = f'<{following[fault.kind]}>; rel="next"'
    return answer._replace(headers=answer.headers | {"link": link})


def _json(body: bytes) -> Answer:
    return Answer(200, body, {"content-type": JSON})


def _login_page() -> Answer:
    body = b"<!DOCTYPE html><html><body><h1>Log in to Canvas</h1></body></html>"
    return Answer(200, body, {"content-type": HTML})


def _redirect(to: str) -> Answer:
    return Answer(302, b"", {"location": to, "content-type": HTML})


@cache
def _gzip_bomb(megabytes: int) -> Answer:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * MEGABYTE
    body = b"".join([*(squeeze.compress(blanks) for _ in range(megabytes)), squeeze.flush()])
    return Answer(200, body, {"content-type": JSON, "content-encoding": "gzip"})


REPLACEMENTS: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
    "error_500": lambda _: broken(),
    "error_502": lambda _: circuit_open(),
    "html_502": lambda _: page(502, "Bad Gateway"),
    "html_503": lambda _: page(503, "Service Temporarily Unavailable"),
    "html_504": lambda _: page(504, "Gateway Time-out"),
    "throttle_403": lambda _: throttled(403),
    "throttle_429": lambda _: throttled(429),
    "denied": lambda details: denied(details.get("status", 403)),
    "not_found": lambda _: no_such_record(),
    "bad_json": lambda _: _json(b'[{"id": 1, "name": "Calc'),
    "deep_json": lambda _: _json(b"[" * DEPTH + b"]" * DEPTH),
    "html_200": lambda _: _login_page(),
    "redirect": lambda details: _redirect(details.get("to", ELSEWHERE)),
    "gzip_bomb": lambda details: _gzip_bomb(details.get("megabytes", 64)),
}
SPOILT = ("includes_ignored", "next_elsewhere", "next_repeats", "endless_pages")
CONNECTIONS = ("reset", "hang", "slow_drip", "truncated", "endless")
KINDS = (*REPLACEMENTS, *SPOILT, *CONNECTIONS)
