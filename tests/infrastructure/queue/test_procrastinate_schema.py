from pathlib import Path

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from infrastructure.queue.procrastinate_schema import apply_queue_schema, pending_queue_schema


def test_the_queue_schema_is_created_once(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        before = connection.execute("SHOW search_path").fetchone()
        assert pending_queue_schema(connection) == ["procrastinate/schema"]
        assert apply_queue_schema(connection) == ["procrastinate/schema"]
        assert pending_queue_schema(connection) == []
        assert apply_queue_schema(connection) == []
        exists = connection.execute(
            "SELECT to_regclass('procrastinate.procrastinate_jobs') IS NOT NULL"
        ).fetchone()
        assert exists == (True,)
        assert connection.execute("SHOW search_path").fetchone() == before


def test_migrations_of_a_newer_procrastinate_are_applied(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        apply_queue_schema(connection)
        newest = max(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
        (tmp_path / newest.name).write_text("SELECT 1 / 0")
        (tmp_path / "99.00.00_01_pre_more.sql").write_text(
            "CREATE TABLE procrastinate_more (percent text DEFAULT '100 %')"
        )
        monkeypatch.setattr(SchemaManager, "get_migrations_path", lambda: str(tmp_path))
        assert apply_queue_schema(connection) == ["procrastinate/99.00.00_01_pre_more"]
        assert apply_queue_schema(connection) == []
        exists = connection.execute(
            "SELECT to_regclass('procrastinate.procrastinate_more') IS NOT NULL"
        ).fetchone()
        assert exists == (True,)
