"""Tables as a usual service has them: a typed column for each member, filled from documents."""

import gzip
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import orjson
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from interfaces.http.schemas.data import Assignment, Course

SCHEMA = "usual"
SCHEMAS: Mapping[str, type[BaseModel]] = {"assignments": Assignment, "courses": Course}
ORDER = {"assignments": "due_at NULLS LAST, id", "courses": "name, id"}
COLUMN_TYPES = {
    UUID: "uuid",
    datetime: "timestamptz",
    bool: "boolean",
    int: "bigint",
    float: "double precision",
    str: "text",
}


def column_types(schema: type[BaseModel]) -> dict[str, str]:
    """Return the type of the column for each member; lists and objects are `jsonb`."""
    types = {}
    for name, member in schema.model_fields.items():
        kinds = [kind for kind in _kinds(member.annotation) if kind is not type(None)]
        types[name] = COLUMN_TYPES.get(kinds[0], "jsonb") if len(kinds) == 1 else "jsonb"
    return types


def _kinds(annotation: Any) -> list[Any]:
    """Return the types of a union, or the only type; words are strings."""
    if isinstance(annotation, TypeAliasType):
        return _kinds(annotation.__value__)
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) is Literal or (
        isinstance(annotation, type) and issubclass(annotation, StrEnum)
    ):
        return [str]
    if get_origin(annotation) in (Union, UnionType):
        return [kind for option in get_args(annotation) for kind in _kinds(option)]
    return [annotation]


def create_tables(url: str) -> None:
    """Create the typed tables, and one of compressed documents."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for table, schema in SCHEMAS.items():
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
                for name, kind in column_types(schema).items()
            ]
            connection.execute(
                sql.SQL("CREATE TABLE usual.{} (person_id uuid NOT NULL, {})").format(
                    sql.Identifier(table), sql.SQL(", ").join(columns)
                )
            )
        connection.execute("CREATE INDEX ON usual.assignments (person_id, due_at)")
        connection.execute("CREATE INDEX ON usual.courses (person_id, name)")
        connection.execute(
            """
            CREATE TABLE usual.documents (
                person_id uuid, kind text, version bigint, body bytea, PRIMARY KEY (person_id, kind)
            )
            """
        )
        connection.execute("ALTER TABLE usual.documents ALTER body SET STORAGE EXTERNAL")


def store_documents(
    connection: psycopg.Connection[Any], person: UUID, table: str, page: bytes
) -> None:
    """Store the rows of one person, and their page compressed, as the service returned it."""
    types = column_types(SCHEMAS[table])
    rows = [
        [person, *(_value(item.get(name), kind) for name, kind in types.items())]
        for item in orjson.loads(page)["items"]
    ]
    names = ["person_id", *types]
    insert = sql.SQL("INSERT INTO usual.{} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join([sql.Placeholder()] * len(names)),
    )
    with connection.cursor() as cursor:
        cursor.executemany(insert, rows)
        cursor.execute(
            "INSERT INTO usual.documents VALUES (%s, %s, 1, %s)",
            [person, table, gzip.compress(page, 6)],
        )


def select_rows(table: str) -> sql.Composed:
    """Select the rows of a person; the status turns to `overdue` by the clock of the database."""
    names: Sequence[str] = [name for name in SCHEMAS[table].model_fields if name != "status"]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    if "status" in SCHEMAS[table].model_fields:
        status = """
            CASE WHEN status = 'upcoming' AND due_at <= now() THEN 'overdue' ELSE status END
            AS status
        """
        columns = sql.SQL("{}, {}").format(columns, sql.SQL(status))
    query = "SELECT {} FROM usual.{} WHERE person_id = %s ORDER BY {} LIMIT %s"
    return sql.SQL(query).format(columns, sql.Identifier(table), sql.SQL(ORDER[table]))


def _value(value: Any, kind: str) -> Any:
    return Jsonb(value) if kind == "jsonb" and value is not None else value
