"""Schemas that all resources share: a page and a problem."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class PageOf(BaseModel, Generic[T]):
    """A page of a list. Without a `next_cursor` it is the last one."""

    items: list[T]
    next_cursor: str | None


class Fault(BaseModel):
    """An invalid value in a request: where it is, and what is wrong with it."""

    loc: list[str | int]
    msg: str
    type: str


class ProblemDocument(BaseModel):
    """An RFC 9457 problem. Some types have additional members."""

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
    """Return the argument `responses` of a route: the success response and its own problems.

    `slugs` are the problems that only this route can return. `interfaces/http/openapi.py` adds
    those that follow from parameters, body and access of the route.
    """
    response: dict[str, Any] = {"description": text}
    if media_type != "application/json":
        response["content"] = {media_type: {"schema": {"type": "string"}}}
    elif schema is not None:
        response["model"] = schema
    problems = {"model": ProblemDocument, "description": "A problem", "x-problems": list(slugs)}
    return {status: response, "default": problems}
