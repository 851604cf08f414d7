"""The migrations of this program: SQL files, and what they state about other releases.

A file may begin with these comment lines:

    -- breaks programs before: 0011
    -- needed at start: no

By the first one a program whose newest migration is older than that number refuses the schema.
Without it, older programs go on using the schema. By the second one this program also runs on a
schema that lacks the migration.
"""

import hashlib
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

MIGRATIONS_DIRECTORY = files("infrastructure.postgres") / "migrations"

_BREAKS_BEFORE = re.compile(rb"^-- breaks programs before: (\d+)$", re.MULTILINE)
_NOT_NEEDED = re.compile(rb"^-- needed at start: no$", re.MULTILINE)
_NEW_SCHEMA = re.compile(rb"^CREATE SCHEMA (\w+);$", re.MULTILINE)


class MigrationRefused(Exception):
    """The schema cannot be migrated or used; the message names the reason and what to do."""


class Migration(NamedTuple):
    """One SQL file, named `NNNN_what.sql`."""

    version: int
    name: str
    statements: bytes

    @property
    def sha256(self) -> str:
        """The digest of the file, by which an edit after its application is detected."""
        return hashlib.sha256(self.statements).hexdigest()

    @property
    def breaks_before(self) -> int | None:
        """Programs whose newest migration has a lower number cannot use the schema; None: all."""
        stated = _BREAKS_BEFORE.search(self.statements)
        return int(stated[1]) if stated else None

    @property
    def is_needed_at_start(self) -> bool:
        """Whether this program can only run after the migration."""
        return _NOT_NEEDED.search(self.statements) is None

    @property
    def new_schemas(self) -> list[str]:
        """The PostgreSQL schemas that must not exist before the migration."""
        return [name.decode() for name in _NEW_SCHEMA.findall(self.statements)]


def load_migrations(directory: Traversable = MIGRATIONS_DIRECTORY) -> list[Migration]:
    """Return the migrations in a directory, oldest first.

    Raises: MigrationRefused if two of them have the same number.
    """
    migrations = sorted(
        Migration(
            int(file.name.split("_")[0]),
            file.name.removesuffix(".sql"),
            file.read_bytes().replace(b"\r\n", b"\n"),
        )
        for file in directory.iterdir()
        if file.name.endswith(".sql")
    )
    if len({migration.version for migration in migrations}) != len(migrations):
        raise MigrationRefused(f"Two migrations in {directory} have the same number: rename one.")
    return migrations
