"""The processes of the embedded database are the application, also in an existing home."""

from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.database_address import migration_address
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.role_findings import find_excess_rights
from infrastructure.settings.settings import Settings


def test_the_role_of_an_earlier_release_no_longer_owns_its_log(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with EmbeddedPostgres(home, settings={"fsync": "off"}) as server:
        # An earlier release migrated with this role.
        apply_migrations(server.url)
        assert find_excess_rights(server.url)
        settings = Settings(easeboard_home=home)
        assert apply_migrations(migration_address(settings, server.url)) == []
        assert find_excess_rights(server.url) == []
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(
                """
                SELECT easeboard.append(
                    %s, %s, FALSE, 'me', NULL, NULL, %s, '{1}', '{Happened}', '{x}', NULL
                )
                """,
                [uuid4(), uuid4(), [uuid4()]],
            )
            for change in (
                "DELETE FROM easeboard.events",
                "ALTER TABLE easeboard.events DISABLE TRIGGER ALL",
                "DROP TABLE easeboard.events CASCADE",
            ):
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(change.encode())
