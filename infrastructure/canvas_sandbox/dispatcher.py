"""From a request to Canvas's answer: token, route, revision, validator, encoding."""

import re
from hashlib import md5
from typing import NamedTuple

from infrastructure.canvas_sandbox.access_tokens import Token
from infrastructure.canvas_sandbox.body_template import Filled, Template
from infrastructure.canvas_sandbox.error_responses import JSON, Answer, Refused, no_such_page
from infrastructure.canvas_sandbox.model import Student
from infrastructure.canvas_sandbox.paginators import Asked
from infrastructure.canvas_sandbox.response_cache import Kept, Memory
from infrastructure.canvas_sandbox.routes import Route, answer, route_of
from infrastructure.canvas_sandbox.sandbox_clock import DAY
from infrastructure.canvas_sandbox.state import NEVER, Campus
from infrastructure.canvas_sandbox.student_request import Visit, number_of

WORTH_COMPRESSING = 1_024
KEPT_INCLUDE = "uuid"
PRIVATE = {
    "content-type": JSON,
    "cache-control": "max-age=0, private, must-revalidate",
    "vary": "Accept-Encoding",
}


class Call(NamedTuple):
    """What a request says."""

    method: str
    url: str
    path: str
    query: tuple[tuple[str, str], ...]
    token: str | None
    string_ids: bool
    gzip: bool
    if_none_match: str | None

    def without_includes(self) -> "Call":
        """The request as a scoped key makes it: `include[]` silently dropped."""
        kept = tuple(
            pair
            for pair in self.query
            if pair[0] not in ("include", "include[]") or pair[1] == KEPT_INCLUDE
        )
        return self._replace(query=kept)


class Answering:
    """Answers as Canvas does, serialising only what changed."""

    def __init__(self, campus: Campus) -> None:
        self._campus = campus
        self._memory = Memory()

    def answer(self, call: Call) -> Answer:
        """The proper answer, or the refusal."""
        now = self._campus.clock.now()
        names = {name for name, _ in call.query}
        try:
            token = self._campus.tokens.admit(
                call.token, call.path, now, masquerade="as_user_id" in names
            )
            heard = call if token.includes else call.without_includes()
            return self._found(heard, token, *_routed(call))
        except Refused as refused:
            return refused.answer

    def _found(self, call: Call, token: Token, route: Route, parts: re.Match[str]) -> Answer:
        now = self._campus.clock.now()
        self._note_activity(call, token, now)
        key = (token.student.index, call.url, call.query, call.string_ids)
        headers = PRIVATE | {"x-canvas-user-id": str(token.student.person.id)}
        if route.validated:
            etag = self._validator(key, token.student, now)
            if call.if_none_match == etag:
                return Answer(304, b"", headers | {"etag": etag})
        kept = self._current(key, now)
        if kept is None:
            asked = Asked(call.url, call.query)
            visit = Visit(self._campus, token.student, asked, now)
            kept = self._render(key, visit, route, parts, string_ids=call.string_ids)
        filled = kept.template.filled(lambda hole: _fill(hole, now))
        headers["etag"] = etag if route.validated else filled.etag
        if call.if_none_match == headers["etag"]:
            return Answer(304, b"", headers)
        if kept.link:
            headers["link"] = kept.link
        return _encoded(filled, headers, gzip=call.gzip)

    def _validator(self, key: object, student: Student, now: int) -> str:
        """What Canvas works out before it looks anything up: of the student and their courses."""
        courses = [(course.id, course.edition) for course in self._campus.enrolled(student)]
        about = repr((key, student.revision, courses, now // DAY)).encode()
        return f'W/"{md5(about, usedforsecurity=False).hexdigest()}"'

    def _current(self, key: tuple[object, ...], now: int) -> Kept | None:
        kept = self._memory.recall(key)
        if kept and kept.revision == self._revision(kept.course_id) and now < kept.until:
            return kept
        return None

    def _revision(self, course_id: int | None) -> int:
        campus = self._campus
        return campus.revision if course_id is None else campus.courses[course_id].revision

    def _render(
        self,
        key: tuple[object, ...],
        visit: Visit,
        route: Route,
        parts: re.Match[str],
        *,
        string_ids: bool,
    ) -> Kept:
        reply = answer(visit, route, parts)
        courses = [reply.course] if reply.course else list(self._campus.courses.values())
        course_id = reply.course.id if reply.course else None
        kept = Kept(
            Template(reply.document, string_ids=string_ids),
            reply.link,
            course_id,
            self._revision(course_id),
            NEVER if route.validated else self._campus.next_flip(courses, visit.now),
        )
        if reply.lasting:
            self._memory.keep(key, kept)
        return kept

    def _note_activity(self, call: Call, token: Token, now: int) -> None:
        parts = call.path.split("/")
        if len(parts) > 4 and parts[3] == "courses":  # noqa: PLR2004  /api/v1/courses/:id
            course = self._campus.courses.get(number_of(parts[4]) or 0)
            if course:
                self._campus.read(token.student, course, now)


def _routed(call: Call) -> tuple[Route, re.Match[str]]:
    found = route_of(call.path) if call.method == "GET" else None
    if found is None:
        raise Refused(no_such_page())
    return found


def _fill(hole: str, now: int) -> bytes:
    kind, _, about = hole.partition(":")
    if kind == "late":
        return str(max(now - int(about), 0)).encode()
    signature = md5(f"{about}/{now}".encode(), usedforsecurity=False).hexdigest()
    return f'"{about}?token={signature}\\u0026expires={now + 3_600}"'.encode()


def _encoded(filled: Filled, headers: dict[str, str], *, gzip: bool) -> Answer:
    if gzip and filled.template.size > WORTH_COMPRESSING:
        return Answer(200, filled.gzipped(), headers | {"content-encoding": "gzip"})
    return Answer(200, filled.plain(), headers)
