"""The views of the schema `read`: each shows a table of the live version of a read model.

Others grant rights on these views, and build views of their own on them. So a view is replaced in
place where its columns permit that. Otherwise the old one is renamed, a new one gets everything
that was attached to it, and what depends on the old one is moved after the cut-over.
"""

from typing import Any

import structlog
from psycopg import Cursor, errors, sql

from infrastructure.projection_engine.attachments import attach, attachments_of
from infrastructure.projection_engine.read_model import ReadModelDefinition

logger = structlog.get_logger()

SELECT_COLUMNS = """
SELECT attname
  FROM pg_attribute
 WHERE attrelid = to_regclass(%s)
   AND attnum > 0
   AND NOT attisdropped
 ORDER BY attnum
"""

SELECT_OPTIONS = """
SELECT option_name, option_value
  FROM pg_class, pg_options_to_table(reloptions)
 WHERE pg_class.oid = to_regclass(%s)
 ORDER BY option_name
"""


def create_views(cursor: Cursor[Any], model: ReadModelDefinition, version: int) -> None:
    """Point the views of the schema `read` to this version.

    Raises: errors of psycopg, such as InsufficientPrivilege if a view belongs to another role.
    """
    cursor.execute("CREATE SCHEMA IF NOT EXISTS read")
    use_qualified_names(cursor)
    for table in model.tables:
        source = sql.Identifier(f"{model.name}_v{version}", table)
        try:
            with cursor.connection.transaction():
                _create_or_replace(cursor, table, source)
        except (
            errors.InvalidTableDefinition,
            errors.FeatureNotSupported,
            errors.InsufficientPrivilege,
        ):
            _replace_with_attachments(cursor, table, source, version)


def use_qualified_names(cursor: Cursor[Any]) -> None:
    """Let PostgreSQL qualify the names in definitions, until the transaction ends."""
    cursor.execute("SET LOCAL search_path = pg_catalog")


def view_name(table: str) -> str:
    """Return the qualified and quoted name of the view of a table."""
    return sql.Identifier("read", table).as_string(None)


def aside_pattern(table: str) -> str:
    """Return a regular expression of the names of views of a table that were renamed."""
    return f"^{table}_before_v[0-9]+(_[0-9]+)?$"


def _create_or_replace(cursor: Cursor[Any], table: str, source: sql.Identifier) -> None:
    """Create the view, or replace what it selects; grants and dependents stay.

    PostgreSQL permits new columns only at the end, so those of the view come first.
    """
    shown = _columns(cursor, view_name(table))
    available = _columns(cursor, source.as_string(None))
    columns = available
    if set(shown) <= set(available):
        columns = shown + [name for name in available if name not in shown]
    cursor.execute(
        sql.SQL("CREATE OR REPLACE VIEW {} {} AS SELECT {} FROM {}").format(
            sql.Identifier("read", table),
            view_options(cursor, view_name(table)),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            source,
        )
    )


def _columns(cursor: Cursor[Any], relation: str) -> list[str]:
    cursor.execute(SELECT_COLUMNS, [relation])
    return [name for (name,) in cursor.fetchall()]


def view_options(cursor: Cursor[Any], relation: str) -> sql.Composable:
    """Return the WITH clause of a view, which a replacement would lose; empty without options."""
    cursor.execute(SELECT_OPTIONS, [relation])
    options = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in cursor.fetchall()
    ]
    return sql.SQL("WITH ({})").format(sql.SQL(", ").join(options)) if options else sql.SQL("")


def _replace_with_attachments(
    cursor: Cursor[Any], table: str, source: sql.Identifier, version: int
) -> None:
    name = view_name(table)
    attached = attachments_of(cursor, name, name)
    options = view_options(cursor, name)
    try:
        with cursor.connection.transaction():
            cursor.execute(sql.SQL("DROP VIEW {}").format(sql.Identifier("read", table)))
    except errors.DependentObjectsStillExist:
        _rename_aside(cursor, table, version)
    cursor.execute(
        sql.SQL("CREATE VIEW {} {} AS SELECT * FROM {}").format(
            sql.Identifier("read", table), options, source
        )
    )
    refused = attach(cursor, name, attached)
    if refused:
        logger.warning("projection.view_changed", view=name, not_kept=refused)


def _rename_aside(cursor: Cursor[Any], table: str, version: int) -> None:
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'read'::regnamespace AND relname ~ %s",
        [aside_pattern(table)],
    )
    taken = {name for (name,) in cursor.fetchall()}
    names = (f"{table}_before_v{version}" + (f"_{n}" if n else "") for n in range(len(taken) + 1))
    cursor.execute(
        sql.SQL("ALTER VIEW {} RENAME TO {}").format(
            sql.Identifier("read", table),
            sql.Identifier(next(name for name in names if name not in taken)),
        )
    )
