"""Schemas of health checks."""

from typing import Literal

from pydantic import BaseModel


class Alive(BaseModel):
    """The process is alive."""

    status: Literal["ok"]


class Readiness(Alive):
    """The service is ready; `components` has the status of each component."""

    components: dict[str, str]
