"""Finds the tables that the SQL of a read model names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TABLE_NAME = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+([a-z_]+(?:\.[a-z_]+)?)\b(?!\()")
COMMON_TABLE_NAME = re.compile(r"(?:WITH|,)\s+([a-z_]+) AS (?:MATERIALIZED )?\(")
CREATED_TABLE = re.compile(r"CREATE TABLE ([a-z_]+)")


def created_tables(schema_sql: str) -> set[str]:
    """Return the names of the tables that a schema creates."""
    return set(CREATED_TABLE.findall(schema_sql))


def tables_named_in(folder: Path) -> set[str]:
    """Return the tables in the statements of a folder, `.sql` files included, as written there.

    Names of common table expressions and functions, such as `unnest`, are left out.
    """
    return {table for statement in _statements_in(folder) for table in tables_of(statement)}


def tables_of(statement: str) -> set[str]:
    """Return the tables that one statement names; its SQL keywords must be in upper case."""
    return set(TABLE_NAME.findall(statement)) - set(COMMON_TABLE_NAME.findall(statement))


def _statements_in(folder: Path) -> Iterator[str]:
    for query in folder.glob("*.sql"):
        if query.name != "schema.sql":
            yield query.read_text(encoding="utf-8")
    for module in folder.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Upsert":
                yield f"INSERT INTO {ast.literal_eval(node.args[0])}"
