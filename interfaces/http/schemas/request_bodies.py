"""What the bodies of commands may say: nothing unknown, and secrets stay secret."""

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
        raise ValueError("must be 1 to 4096 printable ASCII characters without a space")
    return value


ApiToken = Annotated[SecretStr, BeforeValidator(_strip), AfterValidator(_check_token)]


class RequestBody(BaseModel):
    """A body that may say nothing we do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewConnection(RequestBody):
    """Where somebody's Canvas is, what they call it, and a token they made there."""

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
    """A newer token."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"api_token": "1234~a-newer-access-token"}}
    )

    api_token: ApiToken


class SyncWish(RequestBody):
    """How to synchronise: `auto` lets the service choose, `full` reads everything again."""

    model_config = ConfigDict(json_schema_extra={"example": {"mode": "full"}})

    mode: Literal["auto", "full"] = "auto"


class EmptyBody(RequestBody):
    """A body for what needs no more than its address."""


async def read_body(request: Request) -> bytes:
    """The body as it was sent."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise HTTPException(400) from None  # nobody is there to hear it


async def require_empty_body(request: Request) -> None:
    """A dependency: there is no body, or one that says nothing."""
    body = await read_body(request)
    try:
        EmptyBody.model_validate_json(body or b"{}")
    except ValidationError as error:
        errors = [{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()]
        raise RequestValidationError(errors) from None
