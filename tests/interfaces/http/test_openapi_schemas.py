"""Every field and parameter of the OpenAPI document is described, and no two names clash."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from interfaces.http.openapi import openapi_document

Schema = dict[str, Any]

UNITS = re.compile(
    r"percent|points?\b|seconds|from 0 to 1|number\b|position|HTTP status code|difference",
    re.IGNORECASE,
)
REQUEST_SCHEMAS = {"NewConnection", "NewToken", "SyncWish", "WhatIf", "ErasureWish"}


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return openapi_document(app)


@pytest.fixture
def schemas(document: dict[str, Any]) -> dict[str, Schema]:
    found: dict[str, Schema] = document["components"]["schemas"]
    return found


def fields(schemas: dict[str, Schema]) -> Iterator[tuple[str, str, Schema]]:
    for name, schema in schemas.items():
        for field, definition in schema.get("properties", {}).items():
            yield name, field, definition


def types_of(definition: Schema) -> set[str]:
    """The JSON types of a field, without those of the schemas that it refers to."""
    options = definition.get("anyOf", [definition])
    return {option["type"] for option in options if "type" in option}


def test_every_schema_is_described(schemas: dict[str, Schema]) -> None:
    assert not [name for name, schema in schemas.items() if not schema.get("description")]
    assert len(schemas) > 60


def test_every_field_is_described(schemas: dict[str, Schema]) -> None:
    assert not [
        f"{name}.{field}"
        for name, field, definition in fields(schemas)
        if len(definition.get("description", "")) < 10
    ]


def test_every_field_of_a_response_names_its_source(schemas: dict[str, Schema]) -> None:
    source = re.compile(r"Canvas|easeboard")
    assert not [
        f"{name}.{field}"
        for name, field, definition in fields(schemas)
        if name not in REQUEST_SCHEMAS and not source.search(definition["description"])
    ]


def test_every_number_has_a_unit(schemas: dict[str, Schema]) -> None:
    assert not [
        f"{name}.{field}"
        for name, field, definition in fields(schemas)
        if types_of(definition) & {"number", "integer"}
        and not UNITS.search(definition["description"])
    ]


def test_every_time_has_a_format_and_a_zone(schemas: dict[str, Schema]) -> None:
    times = [
        (f"{name}.{field}", definition["description"])
        for name, field, definition in fields(schemas)
        if "date-time" in str(definition)
    ]
    assert len(times) > 20
    assert not [name for name, text in times if "RFC 3339 in UTC" not in text]


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    assert not [
        f"{method} {path} {parameter['name']}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]


def test_every_enumeration_is_a_schema_of_its_own(
    document: dict[str, Any], schemas: dict[str, Schema]
) -> None:
    """A generator would invent a name for one inside another schema or a parameter."""
    inline = [f"{name}.{field}" for name, field, each in fields(schemas) if "'enum'" in str(each)]
    assert not inline
    assert "'enum'" not in str(document["paths"])
    enumerations = {name for name, schema in schemas.items() if "enum" in schema}
    assert enumerations >= {
        "AssignmentStatus",
        "ConnectionStatus",
        "CourseRole",
        "CourseState",
        "SyncRunStatus",
    }


def test_every_value_of_an_enumeration_of_states_is_explained(schemas: dict[str, Schema]) -> None:
    for name in ("AssignmentStatus", "ConnectionStatus", "CourseState", "SyncRunStatus"):
        for value in schemas[name]["enum"]:
            assert f"`{value}`: " in schemas[name]["description"], (name, value)


def test_no_two_schemas_have_one_name_in_a_generated_client(schemas: dict[str, Schema]) -> None:
    """Generators drop characters that are not letters, and some ignore case in file names."""
    plain = [re.sub("[^A-Za-z0-9]", "", name).lower() for name in schemas]
    assert len(set(plain)) == len(plain)
    assert not [name for name in schemas if not re.fullmatch(r"(?:PageOf_)?[A-Z][A-Za-z]+_?", name)]


def test_no_name_that_a_generator_invents_is_that_of_a_schema(schemas: dict[str, Schema]) -> None:
    """Generators name an object or an enumeration in a field by the schema and the field."""
    invented = {
        name + "".join(word.capitalize() for word in field.split("_"))
        for name, field, definition in fields(schemas)
        if "$ref" not in str(definition) and {"object", "array"} & types_of(definition)
    }
    assert invented.isdisjoint(schemas)
