"""Compares JSON documents with their schemas and examples, member by member."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter

from interfaces.http import schemas
from interfaces.http.schemas.page import PageOf

SCHEMAS: dict[str, Any] = {
    name: schema
    for module in pkgutil.iter_modules(schemas.__path__)
    for name, schema in vars(importlib.import_module(f"{schemas.__name__}.{module.name}")).items()
    if isinstance(schema, type) and issubclass(schema, BaseModel)
}
PATTERN_BY_KIND = {
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "id": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "URL": re.compile(r"https?://\S+"),
}

MEMBERS_OF_SEVERAL_KINDS = {"actor", "correlation_id"}
"""A user or a role, and an id or any text that a client sent."""


def schema_named(component: str) -> Any:
    """Return the schema of a component of the OpenAPI document, such as `PageOf_Course_`."""
    if component in SCHEMAS:
        return SCHEMAS[component]
    return PageOf[SCHEMAS[component.removeprefix("PageOf_")[:-1]]]  # type: ignore[misc]  # by name


def has_same_members(schema: Any, document: Any) -> bool:
    """Whether a document is valid, and has every member of its schema and no other."""
    adapter = TypeAdapter(schema)
    parsed = adapter.validate_json(orjson.dumps(document))
    dumped = adapter.dump_python(parsed, mode="json", exclude_unset=True, by_alias=True)
    return bool(_member_names(dumped) == _member_names(document))


def _member_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _member_names(inner) for name, inner in value.items()}
    return [_member_names(inner) for inner in value] if isinstance(value, list) else None


def differences(example: Any, document: Any, path: str = "") -> Iterator[str]:
    """Yield where a document is of another kind than its example; null is of every kind.

    Each item of a list is compared with the first one of the example. An empty object in the
    example stands for any members. The payload of an event depends on its type, and what
    a change has before and after on its kind.
    """
    if example is None or document is None or example == {}:
        return
    if isinstance(example, dict) and isinstance(document, dict):
        if example.keys() != document.keys():
            yield f"{path}: {sorted(example.keys() ^ document.keys())}"
        names = example.keys() & document.keys()
        if example.get("type") != document.get("type"):
            names -= {"payload"}
        if example.get("kind") != document.get("kind"):
            names -= {"before", "after"}
        for name in names - MEMBERS_OF_SEVERAL_KINDS:
            yield from differences(example[name], document[name], f"{path}.{name}")
    elif isinstance(example, list) and isinstance(document, list):
        for index, item in enumerate(document if example else []):
            yield from differences(example[0], item, f"{path}[{index}]")
    elif kind_of(example) != kind_of(document):
        yield f"{path}: {example!r} is no example of {document!r}"


def kind_of(value: Any) -> str:
    """Return what a value is, such as `time` or `number`."""
    if isinstance(value, str):
        matches = (kind for kind, text in PATTERN_BY_KIND.items() if text.fullmatch(value))
        return next(matches, "text")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__
