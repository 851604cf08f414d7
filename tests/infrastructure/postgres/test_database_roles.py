"""The owner, the application and auditors have the rights of decision 0028, in any database."""

from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import make_conninfo

from infrastructure.all_migrations import apply_migrations, migrate_database
from infrastructure.postgres.database_roles import AUDITOR_ROLE, OWNER_ROLE
from infrastructure.postgres.role_findings import find_excess_rights
from infrastructure.postgres.session_settings import APPLICATION_ROLE
from infrastructure.projection_engine.versions import connect
from tests.infrastructure.postgres.debian_server import postgres15_url

pytestmark = pytest.mark.postgres

CHANGES = {
    "delete": "DELETE FROM easeboard.events",
    "update": "UPDATE easeboard.events SET actor = 'another'",
    "truncate": "TRUNCATE easeboard.events",
    "insert": "INSERT INTO easeboard.events (stream, version, topic, actor, command_id, person_id, "
    "state) VALUES (gen_random_uuid(), 1, 'x', 'x', gen_random_uuid(), gen_random_uuid(), 'x')",
    "insert a timeline": "INSERT INTO easeboard.timelines (id, begins_after, server_started_at, "
    "events_file, database_name, events_table, has_lost_events) "
    "VALUES (1, 0, now(), '', '', 1, FALSE)",
    "change timelines": "DELETE FROM easeboard.timelines",
    "change migrations": "DELETE FROM easeboard.schema_migrations",
    "disable triggers": "ALTER TABLE easeboard.events DISABLE TRIGGER ALL",
    "drop the function of the trigger": "DROP FUNCTION easeboard.refuse_change() CASCADE",
    "add a trigger": "CREATE TRIGGER mine BEFORE INSERT ON easeboard.events "
    "FOR EACH ROW EXECUTE FUNCTION easeboard.refuse_change()",
    "add a rule": "CREATE RULE mine AS ON INSERT TO easeboard.events DO INSTEAD NOTHING",
    "drop the table": "DROP TABLE easeboard.events CASCADE",
    "rename the table": "ALTER TABLE easeboard.events RENAME TO other",
    "drop the schema": "DROP SCHEMA easeboard CASCADE",
    "create in the schema": "CREATE TABLE easeboard.other (n integer)",
    "replace a function": "CREATE OR REPLACE FUNCTION easeboard.refuse_change() RETURNS trigger "
    "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "set a position": "SELECT setval('easeboard.position', 1)",
    "take a position": "SELECT nextval('easeboard.position')",
    "switch triggers off": "SET session_replication_role = replica",
    "become the owner": "SET ROLE easeboard_owner",
    "become superuser": "SET ROLE postgres",
    "run a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "comment": "COMMENT ON TABLE easeboard.events IS 'mine'",
}

APPEND = """
SELECT easeboard.append(%s, %s, FALSE, 'somebody', NULL, NULL, %s, %s, %s, %s, NULL)
"""

AUDITED = {
    "easeboard.events",
    "easeboard.timelines",
    "easeboard.seal_tiles",
    "easeboard.seal_checkpoints",
}

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """A server of its own: roles belong to the whole server."""
    with postgres15_url() as url:
        assert url, "PostgreSQL 15 of Debian is missing: apt-get install postgresql-15"
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("CREATE ROLE plain LOGIN")
            admin.execute("CREATE ROLE maker LOGIN CREATEROLE")
        yield url


def _new_database(server_url: str, owner: str) -> str:
    name = f"roles_{next(_NUMBERS)}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER {owner} TEMPLATE template0".encode())
    return make_conninfo(server_url, dbname=name, user=owner)


def _login(server_url: str, url: str, role: str) -> str:
    """Return the URL of a new login that is a member of the role."""
    name = f"login_{next(_NUMBERS)}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN IN ROLE {role}".encode())
    return make_conninfo(url, user=name)


def test_an_address_that_may_not_create_roles_migrates_and_names_the_reason() -> None:
    with postgres15_url() as server_url:
        assert server_url
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute("CREATE ROLE plain LOGIN")
        url = _new_database(server_url, "plain")
        result = migrate_database(url)
        assert "0014_database_roles" in result.applied
        assert result.roles_problem
        assert "plain may not create them" in result.roles_problem
        # The application goes on as the owner.
        with psycopg.connect(url) as connection:
            _append(connection)


@pytest.mark.parametrize("owner", ["maker", "postgres"])
def test_the_application_appends_and_changes_nothing(server_url: str, owner: str) -> None:
    url = _new_database(server_url, owner)
    assert migrate_database(url).roles_problem is None
    assert migrate_database(url) == ([], None)
    application = _login(server_url, url, APPLICATION_ROLE)
    with psycopg.connect(application) as connection:
        _append(connection)
        connection.commit()
        for name, change in CHANGES.items():
            with pytest.raises(psycopg.Error) as refusal:
                connection.execute(change.encode())
            assert refusal.value.sqlstate in {"42501", "55000"}, name
            connection.rollback()
        assert connection.execute("SELECT count(*) FROM easeboard.events").fetchone() == (1,)


def test_auditors_read_the_log_and_nothing_else(server_url: str) -> None:
    url = _new_database(server_url, "postgres")
    apply_migrations(url)
    with psycopg.connect(url) as owner:
        _append(owner)
    with psycopg.connect(_login(server_url, url, AUDITOR_ROLE), autocommit=True) as auditor:
        assert auditor.execute("SELECT count(*) FROM easeboard.events").fetchone() == (1,)
        auditor.execute("SELECT FROM easeboard.timelines")
        tables = auditor.execute(
            """
            SELECT oid::regclass::text
              FROM pg_class
             WHERE relkind IN ('r', 'v')
               AND relnamespace IN (
                       SELECT oid FROM pg_namespace
                        WHERE nspname !~ '^(pg_|information_schema)'
                   )
            """
        ).fetchall()
        for (table,) in tables:
            if table not in AUDITED:
                with pytest.raises(errors.InsufficientPrivilege):
                    auditor.execute(f"SELECT FROM {table}".encode())
        for name, change in CHANGES.items():
            with pytest.raises(psycopg.Error) as refusal:
                auditor.execute(change.encode())
            assert refusal.value.sqlstate in {"42501", "55000"}, name
        with pytest.raises(errors.InsufficientPrivilege):
            _append(auditor)


def test_a_function_of_the_owner_ignores_the_search_path_of_its_caller(server_url: str) -> None:
    url = _new_database(server_url, "postgres")
    apply_migrations(url)
    with psycopg.connect(_login(server_url, url, APPLICATION_ROLE)) as connection:
        connection.execute("CREATE SCHEMA trap")
        connection.execute(
            """
            CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'trapped'; END $$
            """
        )
        connection.execute("SET search_path = trap, pg_catalog")
        _append(connection)
        definers = connection.execute(
            """
            SELECT proname, proconfig
              FROM pg_proc
             WHERE pronamespace = 'easeboard'::regnamespace AND prosecdef
            """
        ).fetchall()
    assert {name for name, _ in definers} >= {"append", "begin_timeline"}
    assert all(config == ["search_path=pg_catalog, pg_temp"] for _, config in definers)


def test_each_migration_repeats_the_grants_for_new_tables(server_url: str) -> None:
    url = _new_database(server_url, "postgres")
    apply_migrations(url)
    with psycopg.connect(url) as owner:
        owner.execute("CREATE TABLE easeboard.later (n integer)")
        owner.execute("GRANT INSERT ON easeboard.events TO easeboard_app")
    apply_migrations(url)
    with psycopg.connect(_login(server_url, url, APPLICATION_ROLE)) as connection:
        connection.execute("INSERT INTO easeboard.later VALUES (1)")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(CHANGES["insert"].encode())


def test_an_owner_until_now_becomes_a_member_of_the_application_role(server_url: str) -> None:
    url = _new_database(server_url, "plain")
    apply_migrations(url)
    as_superuser = make_conninfo(url, user="postgres")
    assert migrate_database(as_superuser).roles_problem is None
    with psycopg.connect(url) as connection:
        _append(connection)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(CHANGES["disable triggers"].encode())
    assert migrate_database(url) == ([], None), "a process may look whether it is migrated"


def test_another_address_that_is_no_member_stays_the_owner(server_url: str) -> None:
    apply_migrations(_new_database(server_url, "postgres"))
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE lonely LOGIN")
    url = _new_database(server_url, "lonely")
    problem = migrate_database(url).roles_problem
    assert problem
    assert "GRANT easeboard_app TO lonely" in problem
    with psycopg.connect(url) as connection:
        _append(connection)
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("GRANT easeboard_app TO lonely")
    assert migrate_database(url).roles_problem is None


def test_sessions_of_a_member_act_as_the_application_role(server_url: str) -> None:
    url = _new_database(server_url, "maker")
    apply_migrations(url)
    for address, expected in (
        (_login(server_url, url, APPLICATION_ROLE), APPLICATION_ROLE),
        (url, "maker"),
        (make_conninfo(url, user="postgres"), "postgres"),
    ):
        with connect(address) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (expected,)


def test_findings_name_each_excess_right(server_url: str) -> None:
    url = _new_database(server_url, "maker")
    apply_migrations(url)
    assert find_excess_rights(_login(server_url, url, APPLICATION_ROLE)) == []
    assert [finding.split(":")[0] for finding in find_excess_rights(url)] == ["owns the log"]
    superuser = find_excess_rights(make_conninfo(url, user="postgres"))
    assert any("superuser" in finding for finding in superuser)
    intruder = _login(server_url, url, APPLICATION_ROLE)
    name = psycopg.conninfo.conninfo_to_dict(intruder)["user"]
    with psycopg.connect(make_conninfo(url, user="postgres")) as admin:
        admin.execute(f"GRANT INSERT, TRIGGER ON easeboard.events TO {name}".encode())
        admin.execute(f"GRANT SET ON PARAMETER session_replication_role TO {name}".encode())
    findings = " ".join(find_excess_rights(intruder))
    assert "INSERT" in findings
    assert "TRIGGER" in findings
    assert "session_replication_role" in findings
    assert OWNER_ROLE not in findings


def _append(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute(APPEND, [uuid4(), uuid4(), [uuid4()], [1], ["Happened"], [b"x"]])
