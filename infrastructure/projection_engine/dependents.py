"""Moves what others built on a view of an earlier version to the view of the live one.

This is needed only after a cut-over that could not replace a view in place (see read_views.py). An
object that cannot be moved, because it needs a column that is gone or belongs to a role that this
one cannot act for, keeps working with the earlier version, which is then kept.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
from psycopg import Cursor, errors, sql

from infrastructure.projection_engine.attachments import (
    attachments_of,
    describe_refusal,
    execute_each,
)
from infrastructure.projection_engine.read_model import ReadModelDefinition
from infrastructure.projection_engine.read_views import (
    aside_pattern,
    use_qualified_names,
    view_name,
    view_options,
)

SELECT_ASIDE = """
SELECT relname
  FROM pg_class
 WHERE relnamespace = to_regnamespace('read')
   AND relkind = 'v'
   AND relname ~ %s
 ORDER BY relname
"""

SELECT_DEPENDENTS = """
SELECT DISTINCT
       pg_describe_object(found.classid, found.objid, 0),
       found.kind, found.objid, (found.relation::regclass)::text
  FROM (
           SELECT 'pg_class'::regclass AS classid, class.oid AS objid,
                  class.relkind::text AS kind, class.oid AS relation
             FROM pg_depend AS depend
             JOIN pg_rewrite AS rule ON rule.oid = depend.objid
             JOIN pg_class AS class ON class.oid = rule.ev_class
            WHERE depend.classid = 'pg_rewrite'::regclass
              AND depend.refclassid = 'pg_class'::regclass
              AND depend.refobjid = %(view)s::regclass
              AND rule.ev_class <> depend.refobjid
              AND rule.rulename = '_RETURN'
            UNION ALL
           SELECT 'pg_rewrite'::regclass, rule.oid, 'rule', rule.ev_class
             FROM pg_depend AS depend
             JOIN pg_rewrite AS rule ON rule.oid = depend.objid
            WHERE depend.classid = 'pg_rewrite'::regclass
              AND depend.refclassid = 'pg_class'::regclass
              AND depend.refobjid = %(view)s::regclass
              AND rule.ev_class <> depend.refobjid
              AND rule.rulename <> '_RETURN'
            UNION ALL
           SELECT depend.classid, depend.objid, 'function', NULL
             FROM pg_depend AS depend
            WHERE depend.classid = 'pg_proc'::regclass
              AND depend.refclassid = 'pg_class'::regclass
              AND depend.refobjid = %(view)s::regclass
            UNION ALL
           SELECT depend.classid, depend.objid, 'policy', policy.polrelid
             FROM pg_depend AS depend
             JOIN pg_policy AS policy ON policy.oid = depend.objid
            WHERE depend.classid = 'pg_policy'::regclass
              AND depend.refclassid = 'pg_class'::regclass
              AND depend.refobjid = %(view)s::regclass
       ) AS found
 ORDER BY 1
"""

POLICY_DEFINITION = """
SELECT format('ALTER POLICY %%I ON %%s', polname, polrelid::regclass)
       || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
       || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
  FROM pg_policy
 WHERE oid = %s
"""

CANNOT_MOVE = (psycopg.ProgrammingError, psycopg.NotSupportedError, errors.LockNotAvailable)
"""Errors of PostgreSQL for an object that cannot be defined with the view of the live version."""


class Dependent(NamedTuple):
    """An object that depends on a view: its description, kind, oid and relation, if it has one."""

    description: str
    kind: str
    oid: int
    relation: str | None


def move_dependents(cursor: Cursor[Any], model: ReadModelDefinition) -> list[str]:
    """Move what depends on earlier views of a read model; return what cannot be moved, and why.

    An earlier view on which nothing depends any more is dropped.
    """
    use_qualified_names(cursor)
    cursor.execute("SET LOCAL lock_timeout = '2s'")
    left: list[str] = []
    for table in model.tables:
        cursor.execute(SELECT_ASIDE, [aside_pattern(table)])
        for (aside,) in cursor.fetchall():
            left += _move_all(cursor, aside, table)
            try:
                with cursor.connection.transaction():
                    cursor.execute(sql.SQL("DROP VIEW {}").format(sql.Identifier("read", aside)))
            except psycopg.errors.DependentObjectsStillExist:
                pass
    return left


def _move_all(cursor: Cursor[Any], aside: str, table: str) -> Iterator[str]:
    cursor.execute(SELECT_DEPENDENTS, {"view": view_name(aside)})
    for dependent in [Dependent(*row) for row in cursor.fetchall()]:
        try:
            with cursor.connection.transaction():
                _move(cursor, dependent, aside, table)
        except (
            psycopg.ProgrammingError,
            psycopg.NotSupportedError,
            errors.LockNotAvailable,
        ) as why:
            yield f"{dependent.description} ({describe_refusal(why)})"


def _move(cursor: Cursor[Any], dependent: Dependent, aside: str, table: str) -> None:
    """Define an object again, with the name of the live view in place of the earlier one."""

    def define(query: str) -> str:
        cursor.execute(query.encode(), [dependent.oid])
        [(definition,)] = cursor.fetchall()
        pattern = rf"(?<![\w.\"])read\.\"?{re.escape(aside)}\"?(?![\w\"])"
        return re.sub(pattern, f"read.{table}", definition)

    relation = dependent.relation or ""
    match dependent.kind:
        case "v":
            options = view_options(cursor, relation).as_string(None)
            definition = define("SELECT pg_get_viewdef(%s)")
            statement = f"CREATE OR REPLACE VIEW {relation} {options} AS {definition}"
        case "m":
            _recreate_materialized_view(cursor, relation, define("SELECT pg_get_viewdef(%s)"))
            return
        case "rule":
            definition = define("SELECT pg_get_ruledef(%s)")
            statement = definition.replace("CREATE RULE", "CREATE OR REPLACE RULE", 1)
        case "function":
            statement = define("SELECT pg_get_functiondef(%s)")
        case _:
            statement = define(POLICY_DEFINITION)
    cursor.execute(statement.encode())


def _recreate_materialized_view(cursor: Cursor[Any], relation: str, definition: str) -> None:
    """Drop and create a materialized view, with its indexes, and with rows if it had some.

    Raises: DependentObjectsStillExist if something else depends on it.
    """
    attached = attachments_of(cursor, relation, relation)
    cursor.execute(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
        " ORDER BY indexrelid",
        [relation],
    )
    indexes = [index for (index,) in cursor.fetchall()]
    cursor.execute("SELECT relispopulated FROM pg_class WHERE oid = %s::regclass", [relation])
    [(is_populated,)] = cursor.fetchall()
    data = "WITH DATA" if is_populated else "WITH NO DATA"
    cursor.execute(f"DROP MATERIALIZED VIEW {relation}".encode())
    cursor.execute(
        f"CREATE MATERIALIZED VIEW {relation} AS {definition.rstrip().rstrip(';')} {data}".encode()
    )
    for index in indexes:
        cursor.execute(index.encode())
    execute_each(cursor, attached)
