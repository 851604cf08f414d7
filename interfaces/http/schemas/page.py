"""The shapes every resource shares: a page and a problem."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class PageOf(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next_cursor: str | None


class Fault(BaseModel):
    """One thing wrong with a request."""

    loc: list[str | int]
    msg: str
    type: str


class ProblemDocument(BaseModel):
    """An RFC 9457 problem; some kinds have more members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None
    errors: list[Fault] | None = None


def document_responses(
    status: int, schema: Any, text: str, *slugs: str, media_type: str = "application/json"
) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that answers with this status and shape.

    `slugs` are the problems of its own; what others can give as well is worked out from what the
    operation has (`interfaces/http/openapi.py`).
    """
    response: dict[str, Any] = {"description": text}
    if media_type != "application/json":
        response["content"] = {media_type: {"schema": {"type": "string"}}}
    elif schema is not None:
        response["model"] = schema
    problems = {"model": ProblemDocument, "description": "A problem", "x-problems": list(slugs)}
    return {status: response, "default": problems}
