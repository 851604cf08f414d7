"""The base class of response schemas."""

from pydantic import BaseModel, ConfigDict


class ResponseModel(BaseModel):
    """A response, or a part of one.

    The docstring below each field becomes its description in the OpenAPI document. It names the
    unit, and whether the value is from Canvas or computed by easeboard.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)
