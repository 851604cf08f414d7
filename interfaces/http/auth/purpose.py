"""The purpose of a reading: what the header `Purpose` or the parameter `purpose` has."""

import re
from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Header, Query, Request
from fastapi.exceptions import RequestValidationError

from domain.reading_purpose import PURPOSE_RULE, InvalidPurpose, parse_purpose
from interfaces.http.auth.direct_calls import resolved_by
from interfaces.http.errors.problem import Problem

PERCENT_ENCODED = re.compile(rb"%[0-9A-Fa-f]{2}", re.ASCII)


def purpose_of(request: Request) -> str:
    """Return the purpose of a request.

    Raises: Problem `purpose-required` without one, or with two that differ;
    RequestValidationError if it is not valid.
    """
    sent = {
        **{_header_text(value): "header" for value in _header_values(request)},
        **dict.fromkeys(request.query_params.getlist("purpose"), "query"),
    }
    purposes = {purpose for text, place in sent.items() if (purpose := _parse(text, place))}
    if len(purposes) > 1:
        raise Problem(
            "purpose-required",
            "The request has two different purposes. Send one, either as the header `Purpose` or as"
            " the query parameter `purpose`.",
        )
    if not purposes:
        raise Problem("purpose-required")
    return purposes.pop()


@resolved_by(purpose_of)
async def _read_purpose(
    request: Request,
    _purpose_header: Annotated[
        str | None,
        Header(
            alias="Purpose",
            description=(
                f"Why you read this, for the record: {PURPOSE_RULE}. Either this header or the"
                " query parameter `purpose` is required. Encode other characters than those of"
                " ASCII, as in a URL (`%C3%A9`)"
            ),
        ),
    ] = None,
    _purpose_query: Annotated[
        str | None,
        Query(
            alias="purpose", description="The same as the header `Purpose`, which is not in the URL"
        ),
    ] = None,
) -> str:
    return purpose_of(request)


Purpose = Annotated[str, Depends(_read_purpose)]
"""A parameter of a route that shows somebody's history: the purpose, which is recorded."""


def _header_values(request: Request) -> list[bytes]:
    return [value for name, value in request.scope["headers"] if name == b"purpose"]


def _header_text(value: bytes) -> str:
    """Return the text of a header: UTF-8, else Latin-1; percent-encoded UTF-8 is decoded."""
    decoded = unquote_to_bytes(value) if PERCENT_ENCODED.search(value) else value
    try:
        return decoded.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _parse(text: str, place: str) -> str | None:
    """Return the purpose of a text; None if the text is blank."""
    try:
        return parse_purpose(text)
    except InvalidPurpose as error:
        loc = ["header", "Purpose"] if place == "header" else ["query", "purpose"]
        entry = {"loc": loc, "msg": str(error), "type": "purpose_invalid"}
        raise RequestValidationError([entry]) from None
