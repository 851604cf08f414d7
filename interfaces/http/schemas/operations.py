"""The shapes operators' machines see."""

from typing import Literal

from pydantic import BaseModel


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Alive):
    """Every component is well."""

    components: dict[str, str]
