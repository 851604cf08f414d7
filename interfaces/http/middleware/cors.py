"""Who may call from a browser's page: refusals are problems like any other."""

from http import HTTPStatus

from fastapi import Response
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from interfaces.http.errors.problem import Problem, problem_response


class ProblemCorsMiddleware(CORSMiddleware):
    """Starlette's middleware; what it refuses in plain text becomes `cross-origin-refused`."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a browser that asks before it sends a request."""
        response = super().preflight_response(request_headers)
        return response if response.status_code == HTTPStatus.OK else _PreflightProblem(response)


class _PreflightProblem(Response):
    """A refusal that is written when it is known what it is about."""

    def __init__(self, plain_response: Response) -> None:
        super().__init__(status_code=plain_response.status_code)
        self._plain_response = plain_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name: value
            for name, value in self._plain_response.headers.items()
            if name not in {"content-length", "content-type"}
        }
        detail = f"{bytes(self._plain_response.body).decode()}."
        problem = Problem("cross-origin-refused", detail, headers=headers)
        await problem_response(problem, scope)(scope, receive, send)
