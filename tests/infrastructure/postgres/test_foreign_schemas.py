"""A database that is not ours alone, or not in UTF-8, is refused before anything is changed."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from infrastructure.all_migrations import apply_migrations, schema_state
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.migration_files import MigrationRefused
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from projections.registry import READ_MODELS
from tests.infrastructure.postgres.schema_catalog import QUERIES

FOREIGN = {
    "a table in easeboard": ("CREATE SCHEMA easeboard; CREATE TABLE easeboard.orders ()", "orders"),
    "a view in easeboard": ("CREATE SCHEMA easeboard; CREATE VIEW easeboard.v AS SELECT 1", "v"),
    "another list of migrations": (
        "CREATE SCHEMA easeboard; CREATE TABLE easeboard.schema_migrations (version text)",
        "schema_migrations",
    ),
    "a schema read": ("CREATE SCHEMA read; CREATE TABLE read.courses (n integer)", "courses"),
    "an empty schema read": ("CREATE SCHEMA read", "no tables"),
    "tables of another queue": (
        "CREATE SCHEMA procrastinate; CREATE TABLE procrastinate.procrastinate_jobs (n integer)",
        "procrastinate_jobs",
    ),
    "a commented schema": (
        "CREATE SCHEMA procrastinate; COMMENT ON SCHEMA procrastinate IS 'Jobs of the shop'",
        "Jobs of the shop",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_schemas_of_others_are_refused_and_left_as_they_are(
    empty_database_url: str, name: str
) -> None:
    statements, reason = FOREIGN[name]
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(statements.encode())
    before = _objects(empty_database_url)
    schema = statements.split()[2].rstrip(";")
    for command in (apply_migrations, schema_state):
        with pytest.raises(MigrationRefused) as refusal:
            command(empty_database_url)
        assert f"a schema {schema} " in str(refusal.value)
        assert reason in str(refusal.value)
        assert f"ALTER SCHEMA {schema} RENAME TO {schema}_old" in str(refusal.value)
    assert _objects(empty_database_url) == before


def _objects(url: str) -> list[list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return [
            connection.execute(query).fetchall()
            for kind, query in QUERIES.items()
            if kind != "migrations"
        ]


def test_empty_schemas_that_an_administrator_has_prepared_are_used(
    empty_database_url: str,
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE SCHEMA easeboard; CREATE SCHEMA procrastinate")
    assert "0001_event_log" in apply_migrations(empty_database_url)


def test_a_schema_named_like_a_version_of_a_read_model_is_left_as_it_is(
    database_url: str,
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE SCHEMA courses_v3; CREATE TABLE courses_v3.courses (n integer)")
    ensure_read_models(database_url, READ_MODELS)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT * FROM courses_v3.courses").fetchall() == []
        version = connection.execute(
            "SELECT version FROM easeboard.projections WHERE name = 'courses'"
        ).fetchone()
    assert version == (4,)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
def test_another_encoding_is_refused_with_a_statement_that_helps(
    embedded_postgres: EmbeddedPostgres, encoding: str
) -> None:
    name = f"in_{encoding.lower()}"
    with psycopg.connect(embedded_postgres.admin_url, autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE {name} OWNER easeboard ENCODING '{encoding}' LOCALE 'C' "
            "TEMPLATE template0".encode()
        )
    url = embedded_postgres.url_of(name)
    for command in (apply_migrations, schema_state):
        with pytest.raises(MigrationRefused, match=f"encoding {encoding}.*UTF8") as refusal:
            command(url)
    statement = str(refusal.value).split("for example with ")[1].split(" (add")[0]
    with psycopg.connect(embedded_postgres.admin_url, autocommit=True) as admin:
        admin.execute(statement.encode())
    created = make_conninfo(embedded_postgres.admin_url, dbname=f"{name}_utf8")
    assert "0001_event_log" in apply_migrations(created)
