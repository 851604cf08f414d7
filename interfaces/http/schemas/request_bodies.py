"""Schemas of request bodies. Unknown fields are refused, and tokens are secret strings."""

import re
from typing import Annotated, Any, Literal

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SecretStr,
    StringConstraints,
    ValidationError,
)
from starlette.requests import ClientDisconnect

from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS

TOKEN_PATTERN = re.compile("[!-~]{1,4096}")


def _strip(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _check_token(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if not TOKEN_PATTERN.fullmatch(secret):
        raise ValueError("must be 1 to 4096 printable ASCII characters without spaces")
    return value


ApiToken = Annotated[SecretStr, BeforeValidator(_strip), AfterValidator(_check_token)]


class RequestBody(BaseModel):
    """A body without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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

    canvas_url: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
        NO_CONTROL_CHARACTERS,
    ]
    canvas_name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
        NO_CONTROL_CHARACTERS,
    ]
    api_token: ApiToken


class NewToken(RequestBody):
    """A new access token of the same Canvas user."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"api_token": "1234~a-newer-access-token"}}
    )

    api_token: ApiToken


class SyncWish(RequestBody):
    """The mode of a sync: with `auto` the service chooses it, `full` reads every course."""

    model_config = ConfigDict(json_schema_extra={"example": {"mode": "full"}})

    mode: Literal["auto", "full"] = "auto"


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
