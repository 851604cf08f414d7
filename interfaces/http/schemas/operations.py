"""Schemas of health checks."""

from typing import Literal

from interfaces.http.schemas.response_model import ResponseModel


class Alive(ResponseModel):
    """The process is alive."""

    status: Literal["ok"]
    """Always `ok`: easeboard responds."""


class Readiness(Alive):
    """The service is ready; `components` has the status of each component."""

    components: dict[str, str]
    """The components of easeboard by name: `ok`, or what is wrong with one."""
