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


PROBLEM = {
    "model": ProblemDocument,
    "description": "A problem",
    "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
    },
}


def documented(status: int, shape: Any, text: str) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that answers with this status and shape, or with a problem."""
    return {status: {"model": shape, "description": text}, "default": PROBLEM}
