"""What `easeboard doctor` checks, how it reports a problem, and that it changes nothing."""

import json
import re
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infrastructure.all_migrations import apply_migrations
from infrastructure.crypto.key_check import check_master_key
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.pools import open_write_pool
from tests.interfaces.cli.run_cli import run_easeboard

KEY = "hex:" + "0f" * 16 + "f0" * 16
SECRET = "a development secret, and long enough"
NAMES = [
    *("configuration", "setting names", "home", "master key", "secrets", "sign-in", "redis"),
    *("database", "encoding", "clock", "migrations", "write access", "log", "rights", "keys"),
    *("projections", "dead letters", "processes", "syncing", "connections", "canvas"),
    *("service key", "erasures", "seals", "seal directory", "witnesses"),
]

Findings = dict[str, tuple[bool | None, str]]


def run_checks(home: Path, **variables: str) -> Findings:
    result = run_easeboard(home, "doctor", "--json", **variables)
    assert result.stderr == ""
    report = json.loads(result.stdout)
    assert result.returncode == (0 if report["ok"] else 1)
    return {check["check"]: (check["ok"], check["detail"]) for check in report["checks"]}


def failed(checks: Findings) -> set[str]:
    return {name for name, (ok, _) in checks.items() if ok is False}


@pytest.fixture
def url(database_url: str) -> str:
    apply_migrations(database_url)
    return database_url


@pytest.fixture
def variables(url: str) -> dict[str, str]:
    """The environment of a sound installation."""
    return {"DATABASE_URL": url, "SUPABASE_JWT_SECRET": SECRET, "CANVAS_ENCRYPTION_KEY": KEY}


def test_all_checks_pass_with_the_embedded_database(home: Path) -> None:
    checks = run_checks(home, CANVAS_ENCRYPTION_KEY=KEY)
    assert set(NAMES) <= set(checks)
    assert all(ok for ok, _ in checks.values()), checks
    assert "18" in checks["database"][1]


def test_an_installation_that_does_not_exist_yet_is_not_created(empty_home: Path) -> None:
    checks = run_checks(empty_home)
    assert all(ok for ok, _ in checks.values()), checks
    assert "not created yet" in checks["database"][1]
    assert [path.name for path in empty_home.iterdir() if path.name != "log"] == []


def test_doctor_changes_nothing(url: str, variables: dict[str, str], empty_home: Path) -> None:
    def contents() -> list[tuple[str, str]]:
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                """
                SELECT format('%I.%I', schemaname, tablename)
                  FROM pg_tables
                 WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
                 ORDER BY 1
                """
            ).fetchall()
            query = "SELECT coalesce(md5(string_agg(row::text, ',' ORDER BY row::text)), '') "
            rows = [
                connection.execute(f"{query} FROM {name} AS row".encode()).fetchone()
                for (name,) in tables
            ]
        return [(name, str(row)) for (name,), row in zip(tables, rows, strict=True)]

    before = contents()
    checks = run_checks(empty_home, **variables)
    assert all(ok for ok, _ in checks.values()), checks
    assert contents() == before


def test_doctor_prints_a_table_without_json(home: Path) -> None:
    result = run_easeboard(home, "doctor", CANVAS_ENCRYPTION_KEY=KEY)
    assert result.returncode == 0, result.stdout
    assert re.search(r"^ ?clock +ok +[+-]\d+ ms", result.stdout, re.MULTILINE)
    assert "All checks passed." in result.stdout


def test_every_problem_is_listed_at_once(variables: dict[str, str], empty_home: Path) -> None:
    variables |= {
        "LOG_LEVEL": "loud",
        "SYNC_INTERVAL_MINUTES": "0",
        "CANVAS_ALLOWED_HOST": "canvas.school.edu",
        "CANVAS_COLOUR": "blue",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SUPABASE_URL": "http://127.0.0.1:1",
        "CANVAS_ENCRYPTION_KEY": "too short",
    }
    checks = run_checks(empty_home, **variables)
    assert failed(checks) == {"configuration", "setting names", "master key", "sign-in", "redis"}
    assert "LOG_LEVEL" in checks["configuration"][1]
    assert "SYNC_INTERVAL_MINUTES" in checks["configuration"][1]
    assert "rename it to CANVAS_ALLOWED_HOSTS" in checks["setting names"][1]
    assert "CANVAS_COLOUR begins like a setting" in checks["setting names"][1]
    assert "CANVAS_ENCRYPTION_KEY" in checks["master key"][1]
    assert "SUPABASE_URL" in checks["sign-in"][1]
    assert "REDIS_URL" in checks["redis"][1]
    assert checks["database"][0]
    assert checks["keys"] == (None, "correct master key first")
    assert checks["projections"][0]


def test_missing_settings_are_named(url: str, empty_home: Path) -> None:
    checks = run_checks(empty_home, DATABASE_URL=url)
    assert failed(checks) == {"sign-in", "master key"}
    assert "SUPABASE_URL or SUPABASE_JWT_SECRET" in checks["sign-in"][1]
    assert "CANVAS_ENCRYPTION_KEY" in checks["master key"][1]
    result = run_easeboard(empty_home, "doctor", DATABASE_URL=url)
    assert result.returncode == 1
    assert "SUPABASE_JWT_SECRET" in result.stdout


def test_a_missing_key_file_is_named_and_no_new_key_is_made(home: Path) -> None:
    key_file = home / "master-key"
    key_file.unlink(missing_ok=True)
    assert failed(run_checks(home)) == set(), "nothing is encrypted yet"
    with EmbeddedPostgres(home) as server, open_write_pool(server.url, size=1) as pool:
        check_master_key(pool, parse_key_ring(KEY))
    checks = run_checks(home)
    assert failed(checks) == {"keys"}
    assert "master-key is missing" in checks["keys"][1]
    assert not key_file.exists()


def test_an_unreachable_database_fails_the_database_check(empty_home: Path) -> None:
    checks = run_checks(
        empty_home,
        DATABASE_URL="postgresql://me@127.0.0.1:1/x",
        SUPABASE_JWT_SECRET=SECRET,
        CANVAS_ENCRYPTION_KEY=KEY,
    )
    assert failed(checks) == {"database"}
    assert "DATABASE_URL" in checks["database"][1]
    assert "Error" not in checks["database"][1], "no name of an exception class"
    assert checks["clock"] == (None, "correct database first")


def test_missing_migrations_fail_the_migrations_check(
    empty_database_url: str, empty_home: Path
) -> None:
    variables = {
        "DATABASE_URL": empty_database_url,
        "SUPABASE_JWT_SECRET": SECRET,
        "CANVAS_ENCRYPTION_KEY": KEY,
    }
    checks = run_checks(empty_home, **variables)
    assert failed(checks) == {"migrations"}
    assert "easeboard migrate" in checks["migrations"][1]
    assert checks["keys"][0] is None
    first = run_easeboard(empty_home, "migrate", "--json", **variables)
    assert "procrastinate/schema" in json.loads(first.stdout)["applied"]
    second = run_easeboard(empty_home, "migrate", "--json", **variables)
    assert json.loads(second.stdout)["applied"] == []
    assert all(ok for ok, _ in run_checks(empty_home, **variables).values())


def test_a_different_master_key_fails_the_keys_check(
    url: str, variables: dict[str, str], empty_home: Path
) -> None:
    with open_write_pool(url, size=1) as pool:
        check_master_key(pool, parse_key_ring(KEY))
    assert all(ok for ok, _ in run_checks(empty_home, **variables).values())
    variables["CANVAS_ENCRYPTION_KEY"] = "hex:" + "1f" * 16 + "f1" * 16
    checks = run_checks(empty_home, **variables)
    assert failed(checks) == {"keys"}
    assert "CANVAS_ENCRYPTION_KEY" in checks["keys"][1]


def replace_clock(url: str, body: str) -> str:
    """Let `clock_timestamp` be another function, and return a URL whose sessions use it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA tampered")
        connection.execute(
            "CREATE FUNCTION tampered.clock_timestamp() RETURNS timestamptz"
            f" LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp() {body} $$".encode()
        )
    return f"{url}&options=-csearch_path%3Dtampered,pg_catalog"


def test_clock_skew_fails_the_clock_check_and_the_rest_is_checked(
    url: str, variables: dict[str, str], empty_home: Path
) -> None:
    variables["DATABASE_URL"] = replace_clock(url, "+ INTERVAL '1 min'")
    checks = run_checks(empty_home, **variables)
    assert failed(checks) == {"clock"}
    assert "+60.0 s" in checks["clock"][1]
    assert "NTP" in checks["clock"][1]


def test_a_slow_database_has_no_clock_skew(
    url: str, variables: dict[str, str], empty_home: Path
) -> None:
    variables["DATABASE_URL"] = replace_clock(url, "FROM pg_sleep(4.5)")
    ok, detail = run_checks(empty_home, **variables)["clock"]
    assert ok, detail


def test_a_database_that_accepts_no_writes_is_named(
    url: str, variables: dict[str, str], empty_home: Path
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name)
        )
    checks = run_checks(empty_home, **variables)
    assert failed(checks) == {"write access"}
    assert checks["processes"] == (None, "correct write access first")
    assert "default_transaction_read_only" in checks["write access"][1]


def test_failing_canvas_hosts_are_reported_from_the_first_failure_on(
    url: str, variables: dict[str, str], empty_home: Path
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            INSERT INTO easeboard.canvas_hosts (
                origin, failures, openings, open_until, is_probed, failed_at
            )
            VALUES ('https://silent.example', 6, 1, '2099-09-01T12:00Z', false, clock_timestamp()),
                   ('https://shaky.example', 1, 0, NULL, false, clock_timestamp())
            """
        )
    ok, detail = run_checks(empty_home, **variables)["canvas"]
    assert ok is True
    assert detail == (
        "https://shaky.example has not responded in 1 run; "
        "https://silent.example has not responded in 6 runs; "
        "it is tried again at 2099-09-01 12:00:00 UTC"
    )
    assert "warning" in run_easeboard(empty_home, "doctor", **variables).stdout


def test_the_reason_of_a_failing_read_model_is_shown(
    url: str, variables: dict[str, str], empty_home: Path
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            INSERT INTO easeboard.projections (
                name, version, role, code_version, fingerprint, error
            )
            VALUES ('courses', 9, 'live', 1, '', 'relation "rows" does not exist')
            """
        )
    checks = run_checks(empty_home, **variables)
    assert failed(checks) == {"projections"}
    assert 'relation "rows" does not exist' in checks["projections"][1]


def test_too_few_database_connections_fail_the_connections_check(
    url: str, variables: dict[str, str], empty_home: Path
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            INSERT INTO easeboard.workers (name, roles, heartbeat_at)
            SELECT format('elsewhere:%s:1', number), '{api,worker,projector,scheduler}',
                   clock_timestamp() + INTERVAL '1 min'
              FROM generate_series(1, 20) AS number
            """
        )
    checks = run_checks(empty_home, **variables)
    assert "connections" in failed(checks)
    assert "may need 600 database connections" in checks["connections"][1]
    assert "max_connections" in checks["connections"][1]
