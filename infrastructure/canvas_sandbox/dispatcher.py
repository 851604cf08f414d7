"""Turns a request into a response: token, route, cached body, validator, encoding."""

import re
from hashlib import md5
from typing import NamedTuple

from infrastructure.canvas_sandbox.access_tokens import AccessToken
from infrastructure.canvas_sandbox.body_template import BodyTemplate, FilledBody
from infrastructure.canvas_sandbox.enrolled_students import Student
from infrastructure.canvas_sandbox.error_responses import (
    JSON,
    ErrorResponse,
    Response,
    route_not_found,
)
from infrastructure.canvas_sandbox.paginators import ListRequest
from infrastructure.canvas_sandbox.response_cache import CachedResponse, ResponseCache
from infrastructure.canvas_sandbox.routes import Route, find_route, run_route
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS
from infrastructure.canvas_sandbox.state import NEVER, SandboxState
from infrastructure.canvas_sandbox.student_request import StudentRequest, parse_canvas_id

MIN_GZIP_BYTES = 1_024
INCLUDE_NEVER_DROPPED = "uuid"
DEFAULT_HEADERS = {
    "content-type": JSON,
    "cache-control": "max-age=0, private, must-revalidate",
    "vary": "Accept-Encoding",
}


class ParsedRequest(NamedTuple):
    """The parts of a request that the response depends on; `url` has no query string.

    Rows of a list are counted from `shift` rows before the place that the page number names.
    """

    method: str
    url: str
    path: str
    query: tuple[tuple[str, str], ...]
    token: str | None
    string_ids: bool
    gzip: bool
    if_none_match: str | None
    shift: int = 0

    def without_includes(self) -> "ParsedRequest":
        """The request without `include[]`, which Canvas drops silently for scoped keys."""
        query = tuple(
            pair
            for pair in self.query
            if pair[0] not in ("include", "include[]") or pair[1] == INCLUDE_NEVER_DROPPED
        )
        return self._replace(query=query)


class Dispatcher:
    """Responds as Canvas does; serialises a body again only if its content changed."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._cache = ResponseCache()

    def dispatch(self, request: ParsedRequest) -> Response:
        """Return the response to a request, which may be an error response."""
        now = self._state.clock.now()
        names = {name for name, _ in request.query}
        try:
            token = self._state.tokens.authenticate(
                request.token, request.path, now, masquerade="as_user_id" in names
            )
            effective = request if token.honors_includes else request.without_includes()
            return self._respond(effective, token, *_route_request(request))
        except ErrorResponse as error:
            return error.response

    def _respond(
        self, request: ParsedRequest, token: AccessToken, route: Route, parts: re.Match[str]
    ) -> Response:
        now, student = self._state.clock.now(), self._state.students[token.student]
        self._record_activity(request, student, now)
        key = (student.index, request.url, request.query, request.string_ids, request.shift)
        headers = DEFAULT_HEADERS | {"x-canvas-user-id": str(student.person.id)}
        if route.has_early_validator:
            etag = self._early_validator(key, student, now)
            if request.if_none_match == etag:
                return Response(304, b"", headers | {"etag": etag})
        cached = self._find_cached(key, now)
        if cached is None:
            list_request = ListRequest(request.url, request.query, request.shift)
            student_request = StudentRequest(self._state, student, list_request, now)
            cached = self._render(key, student_request, route, parts, string_ids=request.string_ids)
        filled = cached.template.fill(lambda placeholder: _placeholder_value(placeholder, now))
        headers["etag"] = etag if route.has_early_validator else filled.etag
        if request.if_none_match == headers["etag"]:
            return Response(304, b"", headers)
        if cached.link:
            headers["link"] = cached.link
        return _encode(filled, headers, gzip=request.gzip)

    def _early_validator(self, key: object, student: Student, now: int) -> str:
        """The validator that Canvas computes before it reads the items.

        It depends on the request, the revisions of the student and their courses, and the day.
        """
        courses = [
            (course.id, course.definition_revision) for course in self._state.courses_of(student)
        ]
        validated = repr((key, student.revision, courses, now // DAY_SECONDS)).encode()
        return f'W/"{md5(validated, usedforsecurity=False).hexdigest()}"'

    def _find_cached(self, key: tuple[object, ...], now: int) -> CachedResponse | None:
        cached = self._cache.get(key)
        if (
            cached
            and cached.revision == self._revision(cached.course_id)
            and now < cached.valid_until
        ):
            return cached
        return None

    def _revision(self, course_id: int | None) -> int:
        state = self._state
        return state.revision if course_id is None else state.courses[course_id].revision

    def _render(
        self,
        key: tuple[object, ...],
        student_request: StudentRequest,
        route: Route,
        parts: re.Match[str],
        *,
        string_ids: bool,
    ) -> CachedResponse:
        result = run_route(student_request, route, parts)
        courses = [result.course] if result.course else list(self._state.courses.values())
        course_id = result.course.id if result.course else None
        cached = CachedResponse(
            BodyTemplate(result.document, string_ids=string_ids),
            result.link,
            course_id,
            self._revision(course_id),
            NEVER
            if route.has_early_validator
            else self._state.next_timed_change(courses, student_request.now),
        )
        if result.is_cacheable:
            self._cache.put(key, cached)
        return cached

    def _record_activity(self, request: ParsedRequest, student: Student, now: int) -> None:
        parts = request.path.split("/")
        if len(parts) > 4 and parts[3] == "courses":  # noqa: PLR2004  /api/v1/courses/:id
            course = self._state.courses.get(parse_canvas_id(parts[4]) or 0)
            if course:
                self._state.record_course_access(student, course, now)


def _route_request(request: ParsedRequest) -> tuple[Route, re.Match[str]]:
    found = find_route(request.path) if request.method == "GET" else None
    if found is None:
        raise ErrorResponse(route_not_found())
    return found


def _placeholder_value(placeholder: str, now: int) -> bytes:
    kind, _, subject = placeholder.partition(":")
    if kind == "late":
        return str(max(now - int(subject), 0)).encode()
    signature = md5(f"{subject}/{now}".encode(), usedforsecurity=False).hexdigest()
    return f'"{subject}?token={signature}\\u0026expires={now + 3_600}"'.encode()


def _encode(filled: FilledBody, headers: dict[str, str], *, gzip: bool) -> Response:
    if gzip and filled.template.size > MIN_GZIP_BYTES:
        return Response(200, filled.gzipped(), headers | {"content-encoding": "gzip"})
    return Response(200, filled.plain(), headers)
