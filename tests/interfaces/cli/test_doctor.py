import json
import re
from pathlib import Path

import psycopg
import pytest

from infrastructure.queue.database_schema import bring_up_to_date
from tests.interfaces.cli.run_cli import easeboard

KEY = "hex:" + "0f" * 16 + "f0" * 16
SECRET = "a development secret, and long enough"


def checks(home: Path, **variables: str) -> dict[str, tuple[bool | None, str]]:
    examined = easeboard(home, "doctor", "--json", **variables)
    assert examined.stderr == ""
    report = json.loads(examined.stdout)
    assert examined.returncode == (0 if report["ok"] else 1)
    return {check["check"]: (check["ok"], check["detail"]) for check in report["checks"]}


@pytest.fixture
def url(database_url: str) -> str:
    bring_up_to_date(database_url)
    return database_url


def test_all_is_well_with_the_embedded_database(home: Path) -> None:
    found = checks(home)
    assert list(found) == [
        "configuration",
        "database",
        "clock",
        "migrations",
        "keys",
        "projections",
        "roles",
        "canvas",
    ]
    assert all(ok for ok, _ in found.values()), found
    assert "18" in found["database"][1]


def test_people_read_a_table(home: Path) -> None:
    examined = easeboard(home, "doctor")
    assert examined.returncode == 0, examined.stdout
    assert re.search(r"^ ?clock +ok +[+-]\d+ ms", examined.stdout, re.MULTILINE)
    assert "Everything is in order." in examined.stdout


@pytest.mark.parametrize(
    ("variables", "way_out"),
    [
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        ({"DATABASE_URL": "postgresql://me@127.0.0.1:1/x"}, "SUPABASE_JWT_SECRET"),
        (
            {"DATABASE_URL": "postgresql://me@127.0.0.1:1/x", "SUPABASE_JWT_SECRET": SECRET},
            "CANVAS_ENCRYPTION_KEY",
        ),
    ],
)
def test_a_wrong_configuration_is_named(
    variables: dict[str, str], way_out: str, empty_home: Path
) -> None:
    found = checks(empty_home, **variables)
    assert found.pop("configuration")[0] is False
    assert all(ok is None for ok, _ in found.values())
    examined = easeboard(empty_home, "doctor", **variables)
    assert examined.returncode == 1
    assert way_out in examined.stdout


def test_a_database_that_is_away_is_named(empty_home: Path) -> None:
    found = checks(
        empty_home,
        DATABASE_URL="postgresql://me@127.0.0.1:1/x",
        SUPABASE_JWT_SECRET=SECRET,
        CANVAS_ENCRYPTION_KEY=KEY,
    )
    assert (found["configuration"][0], found["database"][0]) == (True, False)


def test_missing_migrations_are_named(empty_database_url: str, empty_home: Path) -> None:
    variables = {
        "DATABASE_URL": empty_database_url,
        "SUPABASE_JWT_SECRET": SECRET,
        "CANVAS_ENCRYPTION_KEY": KEY,
    }
    found = checks(empty_home, **variables)
    assert found["migrations"][0] is False
    assert "easeboard migrate" in found["migrations"][1]
    assert found["keys"][0] is None
    migrated = easeboard(empty_home, "migrate", "--json", **variables)
    assert "procrastinate/schema" in json.loads(migrated.stdout)["applied"]
    again = easeboard(empty_home, "migrate", "--json", **variables)
    assert json.loads(again.stdout) == {"applied": []}
    assert all(ok for ok, _ in checks(empty_home, **variables).values())


def test_another_master_key_is_noticed(url: str, empty_home: Path) -> None:
    variables = {"DATABASE_URL": url, "SUPABASE_JWT_SECRET": SECRET}
    assert all(ok for ok, _ in checks(empty_home, CANVAS_ENCRYPTION_KEY=KEY, **variables).values())
    other = "hex:" + "1f" * 16 + "f1" * 16
    found = checks(empty_home, CANVAS_ENCRYPTION_KEY=other, **variables)
    assert found["keys"][0] is False
    assert "CANVAS_ENCRYPTION_KEY" in found["keys"][1]


def test_a_clock_that_is_off_is_wrong_and_the_rest_is_checked(url: str, empty_home: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA tampered")
        connection.execute(
            """
            CREATE FUNCTION tampered.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
            $$ SELECT pg_catalog.clock_timestamp() + INTERVAL '1 min' $$
            """
        )
    found = checks(
        empty_home,
        DATABASE_URL=f"{url}&options=-csearch_path%3Dtampered,pg_catalog",
        SUPABASE_JWT_SECRET=SECRET,
        CANVAS_ENCRYPTION_KEY=KEY,
    )
    ok, detail = found.pop("clock")
    assert ok is False
    assert "+60.0 s" in detail
    assert all(ok for ok, _ in found.values())


def test_a_canvas_that_does_not_answer_is_told_and_nothing_wrong(
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
    assert checks(empty_home, DATABASE_URL=url, **variables)["canvas"] == (
        True,
        "https://silent.example has not answered 6 runs, next try at 2099-09-01 12:00:00 UTC",
    )


def test_too_few_connections_for_everybody_are_told_before_they_run_out(
    url: str, empty_home: Path
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
    variables = {"SUPABASE_JWT_SECRET": SECRET, "CANVAS_ENCRYPTION_KEY": KEY}
    ok, detail = checks(empty_home, DATABASE_URL=url, **variables)["roles"]
    assert ok is False
    assert "may need 520 connections" in detail
    assert "max_connections" in detail
