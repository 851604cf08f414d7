"""Finds what others attached to a table or a view, as statements that attach it to another one.

These are grants, comments, triggers, rules and policies. A view that is replaced, and the tables of
a new version, get them all again.
"""

from collections.abc import Iterable
from typing import Any, LiteralString

import psycopg
from psycopg import Cursor

from infrastructure.event_store.errors import describe_error

GRANTS = """
SELECT format(
           'GRANT %%s ON %%s TO %%s%%s',
           privilege_type, %(target)s::text,
           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
           CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
       )
  FROM pg_class, aclexplode(relacl)
 WHERE oid = %(source)s::regclass
   AND grantee <> relowner
 UNION ALL
SELECT format(
           'GRANT %%s (%%I) ON %%s TO %%s%%s',
           privilege_type, attname, %(target)s::text,
           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
           CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
       )
  FROM pg_attribute, aclexplode(attacl)
 WHERE attrelid = %(source)s::regclass
   AND NOT attisdropped
"""

COMMENTS = """
SELECT format(
           'COMMENT ON %%s %%s IS %%L',
           CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
           %(target)s::text, description
       )
  FROM pg_class
  JOIN pg_description ON objoid = pg_class.oid AND classoid = 'pg_class'::regclass AND objsubid = 0
 WHERE pg_class.oid = %(source)s::regclass
 UNION ALL
SELECT format('COMMENT ON COLUMN %%s.%%I IS %%L', %(target)s::text, attname, description)
  FROM pg_attribute
  JOIN pg_description
    ON objoid = attrelid AND classoid = 'pg_class'::regclass AND objsubid = attnum
 WHERE attrelid = %(source)s::regclass
   AND attnum > 0
   AND NOT attisdropped
"""

TRIGGERS_AND_RULES = """
SELECT replace(
           pg_get_triggerdef(oid),
           ' ON ' || (tgrelid::regclass)::text || ' ', ' ON ' || %(target)s::text || ' '
       )
  FROM pg_trigger
 WHERE tgrelid = %(source)s::regclass
   AND NOT tgisinternal
 UNION ALL
SELECT replace(
           pg_get_ruledef(oid),
           ' TO ' || (ev_class::regclass)::text || ' ', ' TO ' || %(target)s::text || ' '
       )
  FROM pg_rewrite
 WHERE ev_class = %(source)s::regclass
   AND rulename <> '_RETURN'
"""

POLICIES = """
SELECT format(
           'CREATE POLICY %%I ON %%s AS %%s FOR %%s TO %%s%%s%%s',
           polname, %(target)s::text,
           CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
           CASE polcmd
               WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
               WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL'
           END,
           (
               SELECT string_agg(
                          CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', '
                      )
                 FROM unnest(polroles) AS role
           ),
           coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', ''),
           coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
       )
  FROM pg_policy
 WHERE polrelid = %(source)s::regclass
 UNION ALL
SELECT format('ALTER TABLE %%s ENABLE ROW LEVEL SECURITY', %(target)s::text)
  FROM pg_class
 WHERE oid = %(source)s::regclass
   AND relrowsecurity
"""

REVOKES = """
SELECT format(
           'REVOKE ALL ON %%s FROM %%s', %(target)s::text,
           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
       )
  FROM (
           SELECT DISTINCT grantee
             FROM pg_class, aclexplode(relacl)
            WHERE oid = %(target)s::regclass
              AND grantee <> relowner
       ) AS grantees
"""
"""Takes back what default privileges have granted, so that the grants are those of the source."""

SCHEMA_GRANTS = """
SELECT format(
           'GRANT %%s ON SCHEMA %%I TO %%s%%s',
           privilege_type, %(target)s::text,
           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
           CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
       )
  FROM pg_namespace, aclexplode(nspacl)
 WHERE nspname = %(source)s
   AND grantee <> nspowner
"""

COMMON_TABLES = """
SELECT format('%%I.%%I', %(source)s::text, old.relname),
       format('%%I.%%I', %(target)s::text, old.relname)
  FROM pg_class AS old
  JOIN pg_class AS new
    ON new.relname = old.relname
   AND new.relnamespace = to_regnamespace(quote_ident(%(target)s))
   AND new.relkind = 'r'
 WHERE old.relnamespace = to_regnamespace(quote_ident(%(source)s))
   AND old.relkind = 'r'
 ORDER BY old.relname
"""

OWNER = """
SELECT format(
           'ALTER %%s %%s OWNER TO %%s',
           CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
           %(target)s::text, relowner::regrole::text
       )
  FROM pg_class
 WHERE oid = %(source)s::regclass
   AND relowner::regrole::text <> quote_ident(current_user)
"""


def attachments_of(cursor: Cursor[Any], source: str, target: str) -> list[str]:
    """Return the statements that attach to the relation `target` what the `source` has.

    Both are qualified and quoted. The owner is the last one, because only the owner can attach.
    """
    return [
        statement
        for query in (GRANTS, COMMENTS, TRIGGERS_AND_RULES, POLICIES, OWNER)
        for statement in _select(cursor, query, source, target)
    ]


def attach(cursor: Cursor[Any], target: str, statements: Iterable[str]) -> list[str]:
    """Execute statements of `attachments_of`; return the errors of those that are not possible."""
    return execute_each(cursor, [*_select(cursor, REVOKES, target, target), *statements])


def attach_to_version(cursor: Cursor[Any], source: str, target: str) -> list[str]:
    """Attach to the tables and the schema of a version what others attached to another one's.

    `source` and `target` are names of PostgreSQL schemas. Returns the errors.
    """
    errors = execute_each(cursor, _select(cursor, SCHEMA_GRANTS, source, target))
    cursor.execute(COMMON_TABLES, {"source": source, "target": target})
    for old, new in cursor.fetchall():
        statements = attachments_of(cursor, old, new)
        if statements:
            errors += attach(cursor, new, statements)
    return errors


def execute_each(cursor: Cursor[Any], statements: Iterable[str]) -> list[str]:
    """Execute statements, each in a savepoint; return the errors of those that are refused."""
    errors = []
    for statement in statements:
        try:
            with cursor.connection.transaction():
                cursor.execute(statement.encode())
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            errors.append(describe_refusal(error))
    return errors


def describe_refusal(error: psycopg.Error) -> str:
    """Return why PostgreSQL refuses to change an object; the text names objects and has no rows."""
    return error.diag.message_primary or describe_error(error)


def _select(cursor: Cursor[Any], query: LiteralString, source: str, target: str) -> list[str]:
    cursor.execute(query, {"source": source, "target": target})
    return [statement for (statement,) in cursor.fetchall()]
