"""What others built on read models and were granted is kept over rebuilds, and blocks none."""

from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.rebuild import rebuild_read_model
from infrastructure.projection_engine.rollback import roll_back
from infrastructure.projection_engine.status import projection_status
from projections.registry import READ_MODELS
from tests.infrastructure.projection_engine.catalog_queries import (
    depends_on,
    is_allowed,
    live_schema,
    select,
)
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.infrastructure.projection_engine.shaped_read_model import (
    FIRST,
    OTHER_TYPE,
    REORDERED,
    WITHOUT_LABEL,
    ShapedReadModel,
)
from tests.infrastructure.projection_engine.wait_for_projections import wait_until_all_at
from tests.projections.event_builders import RandomHistory

Connection = psycopg.Connection[Any]
COUNT_OF_COURSES = """
CREATE FUNCTION public.total() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM read.courses; END
"""
COUNT_OF_COUNTED = """
CREATE FUNCTION public.total() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM read.counted; END
"""
COURSES = next(model for model in READ_MODELS if model.name == "courses")


def test_grants_and_views_are_kept_over_rebuilds_and_rollbacks(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    log_builder: LogBuilder,
    reader_role: str,
) -> None:
    log_builder.append(RandomHistory(41).generate(80))
    with ProjectionDaemon(database_url, reader, READ_MODELS):
        wait_until_all_at(connection, log_builder.head())
        for statement in (
            f"GRANT SELECT ON read.courses TO {reader_role} WITH GRANT OPTION",
            "GRANT SELECT (course_id) ON read.courses TO PUBLIC",
            "COMMENT ON VIEW read.courses IS 'for reports'",
            "ALTER VIEW read.courses SET (security_barrier = true)",
            "CREATE VIEW public.report AS SELECT count(*) FROM read.courses",
            "CREATE VIEW public.second AS SELECT * FROM public.report",
            "CREATE MATERIALIZED VIEW public.copy AS SELECT * FROM read.courses",
            COUNT_OF_COURSES,
        ):
            connection.execute(statement.encode())
        for step in range(4):
            work = roll_back if step == 2 else rebuild_read_model
            work(database_url, reader, COURSES)
            schema = live_schema(connection, "courses")
            for view in ("read.courses", "public.second", "public.copy"):
                assert depends_on(connection, view) == {schema}
            assert is_allowed(connection, reader_role, "read.courses", "SELECT WITH GRANT OPTION")
            assert select(connection, "SELECT * FROM report, total() WHERE total = count")
        options = "SELECT reloptions, obj_description('read.courses'::regclass) FROM pg_class"
        assert select(connection, options + " WHERE oid = 'read.courses'::regclass") == [
            (["security_barrier=true"], "for reports")
        ]


def create_objects_on_view(connection: Connection, reader_role: str) -> None:
    """Create what an operator builds on a view: grants, a comment, views and a function."""
    for statement in (
        f"GRANT SELECT ON read.counted TO {reader_role}",
        f"GRANT SELECT (kind) ON read.counted TO {reader_role}",
        "COMMENT ON COLUMN read.counted.kind IS 'its kind'",
        "CREATE VIEW public.kinds AS SELECT kind FROM read.counted",
        f"GRANT SELECT ON public.kinds TO {reader_role}",
        "CREATE VIEW public.above AS SELECT kind FROM public.kinds",
        "CREATE MATERIALIZED VIEW public.copy AS SELECT kind FROM read.counted",
        "CREATE UNIQUE INDEX copy_kind ON public.copy (kind)",
        f"GRANT SELECT ON public.copy TO {reader_role}",
        COUNT_OF_COUNTED,
        "CREATE VIEW public.labels AS SELECT label FROM read.counted",
    ):
        connection.execute(statement.encode())


@pytest.mark.parametrize("changed", [REORDERED, WITHOUT_LABEL, OTHER_TYPE], ids=lambda m: m.version)
async def test_changed_columns_keep_grants_and_move_what_can_be_moved(
    database_url: str,
    connection: Connection,
    reader: LogReader,
    read_pool: AsyncConnectionPool,
    reader_role: str,
    *,
    changed: ShapedReadModel,
) -> None:
    ensure_read_models(database_url, [FIRST])
    create_objects_on_view(connection, reader_role)
    rebuild_read_model(database_url, reader, changed)
    assert live_schema(connection, "counting") == "counting_v2"
    for view in ("read.counted", "public.above", "public.copy"):
        assert depends_on(connection, view) == {"counting_v2"}, view
    for relation in ("read.counted", "public.kinds", "public.copy"):
        assert is_allowed(connection, reader_role, relation)
    assert select(connection, "SELECT total()") == [(0,)]
    assert select(
        connection,
        "SELECT col_description('read.counted'::regclass, attnum) FROM"
        " pg_attribute WHERE attrelid = 'read.counted'::regclass AND attname = 'kind'",
    ) == [("its kind",)]
    assert select(connection, "SELECT to_regclass('public.copy_kind') IS NOT NULL") == [(True,)]
    assert select(connection, "SELECT * FROM public.labels") == []
    (row,) = await projection_status(read_pool)
    if changed is WITHOUT_LABEL:
        assert "view public.labels" in row["error"]
        assert depends_on(connection, "public.labels") == {"counting_v1"}
    else:
        assert row["error"] is None
        assert depends_on(connection, "public.labels") == {"counting_v2"}


def test_grants_triggers_and_policies_on_the_tables_are_kept(
    database_url: str, connection: Connection, reader: LogReader, reader_role: str
) -> None:
    ensure_read_models(database_url, [FIRST])
    for statement in (
        f"GRANT USAGE ON SCHEMA counting_v1 TO {reader_role}",
        f"GRANT SELECT ON counting_v1.counted TO {reader_role}",
        "CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE TRIGGER noted AFTER INSERT ON counting_v1.counted EXECUTE FUNCTION public.note()",
        f"CREATE POLICY mine ON counting_v1.counted TO {reader_role} USING (kind = 'a')",
        "ALTER TABLE counting_v1.counted ENABLE ROW LEVEL SECURITY",
    ):
        connection.execute(statement.encode())
    rebuild_read_model(database_url, reader, FIRST)
    assert is_allowed(connection, reader_role, "counting_v2.counted")
    assert select(
        connection, "SELECT tgname FROM pg_trigger WHERE tgrelid = 'counting_v2.counted'::regclass"
    ) == [("noted",)]
    assert select(
        connection, "SELECT policyname, qual FROM pg_policies WHERE schemaname = 'counting_v2'"
    ) == [("mine", "(kind = 'a'::text)")]
    assert select(
        connection,
        "SELECT relrowsecurity FROM pg_class WHERE oid = 'counting_v2.counted'::regclass",
    ) == [(True,)]


@pytest.mark.parametrize("changed", [FIRST, WITHOUT_LABEL], ids=["same columns", "other columns"])
def test_a_view_that_belongs_to_another_role_is_replaced(
    database_url: str,
    connection: Connection,
    admin: Connection,
    reader: LogReader,
    reader_role: str,
    *,
    changed: ShapedReadModel,
) -> None:
    ensure_read_models(database_url, [FIRST])
    admin.execute(f"GRANT CREATE ON SCHEMA read TO {reader_role}".encode())
    admin.execute(f"ALTER VIEW read.counted OWNER TO {reader_role}".encode())
    admin.execute("GRANT SELECT ON read.counted TO PUBLIC")
    rebuild_read_model(database_url, reader, changed)
    assert depends_on(connection, "read.counted") == {"counting_v2"}
    assert is_allowed(connection, reader_role, "read.counted")


def test_default_privileges_add_nothing_that_was_taken_back(
    database_url: str, connection: Connection, reader: LogReader, reader_role: str
) -> None:
    connection.execute(
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA read GRANT SELECT ON TABLES TO {reader_role}".encode()
    )
    ensure_read_models(database_url, [FIRST])
    assert is_allowed(connection, reader_role, "read.counted")
    rebuild_read_model(database_url, reader, WITHOUT_LABEL)
    assert is_allowed(connection, reader_role, "read.counted")
    connection.execute(
        sql.SQL("REVOKE ALL ON read.counted FROM {}").format(sql.Identifier(reader_role))
    )
    rebuild_read_model(database_url, reader, OTHER_TYPE)
    assert not is_allowed(connection, reader_role, "read.counted")
