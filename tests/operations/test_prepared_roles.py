"""The roles that the runbook creates, on a server of their own."""

import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.infrastructure.postgres.debian_server import BINARIES_DIRECTORY, postgres15_url
from tests.interfaces.cli.run_cli import run_easeboard
from tests.operations.runbook import blocks_of


def test_the_service_cannot_change_the_log_on_a_server_prepared_as_written(tmp_path: Path) -> None:
    [block] = blocks_of("sql")
    with postgres15_url() as url:
        assert url
        subprocess.run(  # noqa: S603  # a command of our own documents
            [BINARIES_DIRECTORY / "psql", "--set=ON_ERROR_STOP=1", url],
            input=block.text,
            text=True,
            check=True,
        )
        server: dict[str, Any] = {
            key: value for key, value in conninfo_to_dict(url).items() if value
        }
        variables = {
            "CANVAS_ENCRYPTION_KEY": f"hex:{secrets.token_hex(32)}",
            "SUPABASE_JWT_SECRET": secrets.token_hex(32),
        }
        addresses = [
            make_conninfo(**server | {"dbname": "easeboard", "user": user})
            for user in ("easeboard_migrator", "easeboard_service")
        ]
        migrated = run_easeboard(
            tmp_path, "migrate", "--json", DATABASE_URL=addresses[0], **variables
        )
        assert json.loads(migrated.stdout)["roles_problem"] is None
        report = run_easeboard(tmp_path, "doctor", "--json", DATABASE_URL=addresses[1], **variables)
        checks = {check["check"]: check for check in json.loads(report.stdout)["checks"]}
        assert report.returncode == 0, checks
        assert checks["rights"]["warning"] is False, checks["rights"]
        with psycopg.connect(addresses[1]) as connection:
            assert connection.execute("SELECT count(*) FROM easeboard.events").fetchone() == (0,)
