"""Reads the query and path parameters of a route, as FastAPI does, without its general solver.

FastAPI decides for each parameter of each request what kind of parameter it is: 5 microseconds for
each. A reader decides it once. The types, their validation and the errors are those of FastAPI.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from fastapi._compat import ModelField, field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from fastapi.params import Param
from pydantic import BaseModel

PLAIN_DEFAULTS = (str, int, type(None))
"""Types of defaults that need no copy for each request."""


class Parameter(NamedTuple):
    """A parameter: where it is (`path` or `query`), its names, its type and its default."""

    place: str
    alias: str
    name: str
    field: ModelField
    default: Any


class ParameterReader:
    """The parameters of one route, in the order in which FastAPI validates them."""

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        all_parameters = list(parameters)
        self._path = [each for each in all_parameters if each.place == "path"]
        self._query = [each for each in all_parameters if each.place == "query"]
        self.names = frozenset(parameter.alias for parameter in self._query)
        """The names of the query parameters, as clients send them."""
        self._defaults = {parameter.name: parameter.default for parameter in self._query}

    @classmethod
    def of(cls, dependant: Dependant) -> Self | None:
        """Return the reader of a route; None if it has parameters that only FastAPI can read."""
        fields = [*dependant.path_params, *dependant.query_params]
        others = (dependant.header_params, dependant.cookie_params, dependant.body_params)
        if any(others) or not all(map(_is_plain, fields)):
            return None
        return cls(map(_parameter, fields))

    def read(
        self, path_values: Mapping[str, Any], query_values: Mapping[str, str]
    ) -> tuple[dict[str, Any], list[Any]]:
        """Return the values by the names of the arguments, and the errors as FastAPI has them."""
        values: dict[str, Any] = self._defaults.copy()
        errors: list[Any] = []
        if self._path:
            _validate(self._path, path_values, values, errors)
        if query_values:
            _validate(self._query, query_values, values, errors)
        return values, errors

    def changed(self, values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """Return the query parameters that differ from their defaults, sorted by name."""
        return tuple(
            (name, values[name])
            for name, default in sorted(self._defaults.items())
            if values[name] != default
        )


def _validate(
    parameters: Iterable[Parameter],
    sent: Mapping[str, Any],
    values: dict[str, Any],
    errors: list[Any],
) -> None:
    for place, alias, name, field, _ in parameters:
        value = sent.get(alias)
        if value is not None:
            values[name], found = field.validate(value, values, loc=(place, alias))
            errors.extend(found)


def _is_plain(field: ModelField) -> bool:
    """Whether a parameter is one value, and has a plain default unless it is in the path."""
    info, annotation = field.field_info, field.field_info.annotation
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    has_default = not info.is_required() and isinstance(field.default, PLAIN_DEFAULTS)
    in_path = _place(field) == "path"
    is_single = not is_model and not field_annotation_is_sequence(annotation)
    return is_single and not info.validate_default and (in_path or has_default)


def _parameter(field: ModelField) -> Parameter:
    return Parameter(_place(field), field.alias, field.name, field, field.default)


def _place(field: ModelField) -> str:
    info = field.field_info
    return str(info.in_.value) if isinstance(info, Param) else ""
