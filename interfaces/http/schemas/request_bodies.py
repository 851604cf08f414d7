"""Schemas of request bodies. Unknown fields are refused, and tokens are secret strings."""

import re
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from starlette.requests import ClientDisconnect

from infrastructure.canvas.pasted_text import find_token
from interfaces.http.errors.listed_errors import MAX_LISTED_ERRORS, TooManyErrors
from interfaces.http.schemas.enumerations import RequestedSyncMode
from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS


def _find_token(value: SecretStr) -> SecretStr:
    return SecretStr(find_token(value.get_secret_value()))


def _blank_as_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


ApiToken = Annotated[SecretStr, AfterValidator(_find_token)]
"""A Canvas token as people paste it; what is around it is left out."""


class RequestBody(BaseModel):
    """A body without unknown fields. The docstring below a field is its description."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_many_unknown_fields(cls, body: Any) -> Any:
        """Refuse a body with thousands of unknown fields before pydantic makes an error of each.

        Raises: TooManyErrors if there are more of them than are listed.
        """
        if not isinstance(body, dict):
            return body
        fields = cls.model_fields
        count = len(body) - sum(name in body for name in fields)
        if count > MAX_LISTED_ERRORS:
            unknown = islice((name for name in body if name not in fields), MAX_LISTED_ERRORS)
            raise TooManyErrors([_unknown_field(name) for name in unknown], count)
        return body


def _unknown_field(name: str) -> dict[str, Any]:
    return {
        "loc": ["body", name],
        "msg": "Extra inputs are not permitted",
        "type": "extra_forbidden",
    }


class NewConnection(RequestBody):
    """The address of a Canvas, a name for it, and an access token created there."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "canvas_url": "https://school.instructure.com",
                "canvas_name": "My school",
                "api_token": "1234~an-access-token-made-in-Canvas",
            }
        }
    )

    canvas_url: Annotated[str, StringConstraints(min_length=1, max_length=8192)]
    """Any address on the Canvas, as a browser shows it: only its host is used."""
    canvas_name: Annotated[
        Annotated[
            str,
            StringConstraints(strip_whitespace=True, max_length=200),
            NO_CONTROL_CHARACTERS,
        ]
        | None,
        BeforeValidator(_blank_as_none),
    ] = None
    """A name for this Canvas, at most 200 characters; by default its host."""
    api_token: ApiToken
    """An access token that the user created in Canvas. Quotes and labels around it are ignored."""


class NewToken(RequestBody):
    """A new access token of the same Canvas user."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"api_token": "1234~a-newer-access-token"}}
    )

    api_token: ApiToken
    """A new access token that the same user created in Canvas."""


class SyncWish(RequestBody):
    """The mode of a sync: with `auto` the service chooses it, `full` reads every course."""

    model_config = ConfigDict(json_schema_extra={"example": {"mode": "full"}})

    mode: RequestedSyncMode = "auto"
    """How much easeboard reads from Canvas."""


class ErasureWish(RequestBody):
    """What is erased beside the data: with `delete_auth_user` the user at Supabase too."""

    model_config = ConfigDict(json_schema_extra={"example": {"delete_auth_user": True}})

    delete_auth_user: StrictBool = False
    """Whether easeboard also deletes the user at Supabase, who cannot sign in again then."""


MAX_POINTS = 1e9

Score = (
    Annotated[float, Field(strict=True, ge=-MAX_POINTS, le=MAX_POINTS, allow_inf_nan=False)] | None
)
_SCORES = TypeAdapter(dict[UUID, Score])
_CANONICAL_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def _refuse_many_invalid_scores(scores: Any) -> Any:
    """Refuse thousands of invalid scores before pydantic makes an error of each.

    Raises: TooManyErrors if there are more of them than are listed.
    """
    if not isinstance(scores, dict) or len(scores) <= MAX_LISTED_ERRORS:
        return scores
    suspects = ({name: value} for name, value in scores.items() if not _is_score(name, value))
    entries: list[Any] = []
    for suspect in suspects:
        entries += _errors_of_scores(suspect)
        if len(entries) > MAX_LISTED_ERRORS:
            raise TooManyErrors(entries[:MAX_LISTED_ERRORS], len(entries), is_exact=False)
    return scores


def _is_score(name: str, value: Any) -> bool:
    """Whether the id and the value are certainly valid; other ones may be valid too."""
    is_number = type(value) in {int, float} and -MAX_POINTS <= value <= MAX_POINTS
    return (value is None or is_number) and _CANONICAL_UUID.fullmatch(name) is not None


def _errors_of_scores(scores: dict[str, Any]) -> list[Any]:
    try:
        _SCORES.validate_python(scores)
    except ValidationError as error:
        entries = error.errors(include_url=False)
        return [{**entry, "loc": ("body", "scores", *entry["loc"])} for entry in entries]
    return []


class WhatIf(RequestBody):
    """Scores that the assignments of a course could have; nothing is recorded."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "scores": {
                    "b7a90d3e-52f4-5e0c-93d1-6a5b4c3d2e1f": 9.5,
                    "c1d4e8f2-7a36-5b19-8e05-4d3c2b1a0f9e": None,
                }
            }
        }
    )

    scores: Annotated[dict[UUID, Score], BeforeValidator(_refuse_many_invalid_scores)]
    """Scores in points by id of the assignment; null is an assignment without a grade."""


class EmptyBody(RequestBody):
    """The optional body of a request without fields."""


async def read_body(request: Request) -> bytes:
    """Return the body. Raises: HTTPException with status 400 if the client disconnects."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise HTTPException(400) from None


async def require_empty_body(request: Request) -> None:
    """Check, as a dependency of a route, that the request has no body or an empty JSON object.

    Raises: RequestValidationError if it has another body.
    """
    body = await read_body(request)
    try:
        EmptyBody.model_validate_json(body or b"{}")
    except ValidationError as error:
        errors = [{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()]
        raise RequestValidationError(errors) from None
