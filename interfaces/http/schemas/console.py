"""Schemas of what the console requests beside the API."""

from typing import Literal

from pydantic import ConfigDict

from interfaces.http.schemas.request_bodies import RequestBody

ConsoleRole = Literal["student", "auditor", "admin"]


class ConsoleSignIn(RequestBody):
    """The role with which a person on this machine signs in to the console."""

    model_config = ConfigDict(json_schema_extra={"example": {"role": "auditor"}})

    role: ConsoleRole
    """The role of the token."""
