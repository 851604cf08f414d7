import json
import re
from pathlib import Path

import psycopg
import pytest

from infrastructure.all_migrations import apply_migrations
from tests.interfaces.cli.run_cli import run_easeboard

KEY = "hex:" + "0f" * 16 + "f0" * 16
SECRET = "a development secret, and long enough"


def run_checks(home: Path, **variables: str) -> dict[str, tuple[bool | None, str]]:
    result = run_easeboard(home, "doctor", "--json", **variables)
    assert result.stderr == ""
    report = json.loads(result.stdout)
    assert result.returncode == (0 if report["ok"] else 1)
    return {check["check"]: (check["ok"], check["detail"]) for check in report["checks"]}


@pytest.fixture
def url(database_url: str) -> str:
    apply_migrations(database_url)
    return database_url


def test_all_checks_pass_with_the_embedded_database(home: Path) -> None:
    checks = run_checks(home)
    assert list(checks) == [
        "configuration",
        "database",
        "clock",
        "migrations",
        "keys",
        "projections",
        "roles",
        "canvas",
    ]
    assert all(ok for ok, _ in checks.values()), checks
    assert "18" in checks["database"][1]


def test_doctor_prints_a_table_without_json(home: Path) -> None:
    result = run_easeboard(home, "doctor")
    assert result.returncode == 0, result.stdout
    assert re.search(r"^ ?clock +ok +[+-]\d+ ms", result.stdout, re.MULTILINE)
    assert "All checks passed." in result.stdout


@pytest.mark.parametrize(
    ("variables", "setting"),
    [
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        ({"DATABASE_URL": "postgresql://me@127.0.0.1:1/x"}, "SUPABASE_JWT_SECRET"),
        (
            {"DATABASE_URL": "postgresql://me@127.0.0.1:1/x", "SUPABASE_JWT_SECRET": SECRET},
            "CANVAS_ENCRYPTION_KEY",
        ),
    ],
)
def test_a_wrong_configuration_fails_the_configuration_check(
    variables: dict[str, str], setting: str, empty_home: Path
) -> None:
    checks = run_checks(empty_home, **variables)
    ok, detail = checks.pop("configuration")
    assert ok is False
    assert setting in detail
    assert set(checks.values()) == {(None, "correct configuration first")}
    result = run_easeboard(empty_home, "doctor", **variables)
    assert result.returncode == 1
    assert setting in result.stdout


def test_an_unreachable_database_fails_the_database_check(empty_home: Path) -> None:
    checks = run_checks(
        empty_home,
        DATABASE_URL="postgresql://me@127.0.0.1:1/x",
        SUPABASE_JWT_SECRET=SECRET,
        CANVAS_ENCRYPTION_KEY=KEY,
    )
    assert checks["configuration"][0]
    assert checks["database"][0] is False
    assert "DATABASE_URL" in checks["database"][1]
    assert "Error" not in checks["database"][1], "no name of an exception class"


def test_missing_migrations_fail_the_migrations_check(
    empty_database_url: str, empty_home: Path
) -> None:
    variables = {
        "DATABASE_URL": empty_database_url,
        "SUPABASE_JWT_SECRET": SECRET,
        "CANVAS_ENCRYPTION_KEY": KEY,
    }
    checks = run_checks(empty_home, **variables)
    assert checks["migrations"][0] is False
    assert "easeboard migrate" in checks["migrations"][1]
    assert checks["keys"][0] is None
    first = run_easeboard(empty_home, "migrate", "--json", **variables)
    assert "procrastinate/schema" in json.loads(first.stdout)["applied"]
    second = run_easeboard(empty_home, "migrate", "--json", **variables)
    assert json.loads(second.stdout) == {"applied": []}
    assert all(ok for ok, _ in run_checks(empty_home, **variables).values())


def test_a_different_master_key_fails_the_keys_check(url: str, empty_home: Path) -> None:
    variables = {"DATABASE_URL": url, "SUPABASE_JWT_SECRET": SECRET}
    assert all(
        ok for ok, _ in run_checks(empty_home, CANVAS_ENCRYPTION_KEY=KEY, **variables).values()
    )
    other_key = "hex:" + "1f" * 16 + "f1" * 16
    checks = run_checks(empty_home, CANVAS_ENCRYPTION_KEY=other_key, **variables)
    assert checks["keys"][0] is False
    assert "CANVAS_ENCRYPTION_KEY" in checks["keys"][1]


def test_clock_skew_fails_the_clock_check_and_the_rest_is_checked(
    url: str, empty_home: Path
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA tampered")
        connection.execute(
            """
            CREATE FUNCTION tampered.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
            $$ SELECT pg_catalog.clock_timestamp() + INTERVAL '1 min' $$
            """
        )
    checks = run_checks(
        empty_home,
        DATABASE_URL=f"{url}&options=-csearch_path%3Dtampered,pg_catalog",
        SUPABASE_JWT_SECRET=SECRET,
        CANVAS_ENCRYPTION_KEY=KEY,
    )
    ok, detail = checks.pop("clock")
    assert ok is False
    assert "+60.0 s" in detail
    assert "NTP" in detail
    assert all(ok for ok, _ in checks.values())


def test_an_unavailable_canvas_host_is_reported_but_fails_no_check(
    url: str, empty_home: Path
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            INSERT INTO easeboard.canvas_hosts (
                origin, failures, openings, open_until, is_probed, failed_at
            )
            VALUES ('https://silent.example', 6, 1, '2099-09-01T12:00Z', false, clock_timestamp()),
                   ('https://shaky.example', 2, 0, NULL, false, clock_timestamp())
            """
        )
    variables = {"SUPABASE_JWT_SECRET": SECRET, "CANVAS_ENCRYPTION_KEY": KEY}
    ok, detail = run_checks(empty_home, DATABASE_URL=url, **variables)["canvas"]
    assert ok is True
    assert detail == (
        "https://silent.example has not responded in 6 runs; "
        "it is tried again at 2099-09-01 12:00:00 UTC"
    )


def test_too_few_database_connections_fail_the_roles_check(url: str, empty_home: Path) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            INSERT INTO easeboard.workers (name, roles, heartbeat_at)
            SELECT format('elsewhere:%s:1', number), '{api,worker,projector,scheduler}',
                   clock_timestamp() + INTERVAL '1 min'
              FROM generate_series(1, 20) AS number
            """
        )
    variables = {"SUPABASE_JWT_SECRET": SECRET, "CANVAS_ENCRYPTION_KEY": KEY}
    ok, detail = run_checks(empty_home, DATABASE_URL=url, **variables)["roles"]
    assert ok is False
    assert "may need 540 database connections" in detail
    assert "max_connections" in detail
