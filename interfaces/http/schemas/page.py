"""Schemas that all resources share: a page and a problem."""

from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, Field

from interfaces.http.schemas.response_model import ResponseModel

T = TypeVar("T")


class PageOf(ResponseModel, Generic[T]):
    """A page of a list. Without a `next_cursor` it is the last one."""

    # pydantic would search the source of each kind of page again: a third of the start of the API.
    model_config = ConfigDict(
        use_attribute_docstrings=False,
        json_schema_extra={
            "description": "A page of a list. Without a `next_cursor` it is the last one."
        },
    )

    items: list[T] = Field(
        description="The items of this page of easeboard's list, at most `limit`."
    )
    next_cursor: str | None = Field(
        description="Send it to easeboard as `cursor` to get the next page; null on the last page."
    )


class Fault(ResponseModel):
    """An invalid value in a request: where it is, and what is wrong with it."""

    loc: list[str | int]
    """Where easeboard found it: `query`, `path`, `header` or `body`, then names and indexes."""
    msg: str
    """What is wrong, written by easeboard for people."""
    type: str
    """What is wrong, as a word of easeboard for programs."""


class ProblemDocument(ResponseModel):
    """An RFC 9457 problem. Some types have additional members."""

    model_config = ConfigDict(extra="allow")

    type: str
    """Path of the page of easeboard that explains this type of problem."""
    title: str
    """Short name of the type of problem in easeboard."""
    status: int
    """HTTP status code that easeboard responded with."""
    detail: str
    """What happened and what to do, written by easeboard for people."""
    instance: str
    """Path of the request that easeboard received."""
    request_id: str | None
    """Id of the request in the log messages of easeboard."""
    errors: list[Fault] | None = None
    """What easeboard found invalid, at most 20 entries; only for `invalid-request`."""


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
