"""Compares the seals in the database with those that are published below `SEAL_DIR`."""

from pathlib import Path
from typing import Any

import psycopg

from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.retry import with_retry
from infrastructure.seals.merkle import EntryRange
from infrastructure.seals.seal_directory import SealFileUnreadable, published_checkpoint
from infrastructure.seals.seal_store import (
    SELECT_NEWEST_CHECKPOINT,
    TilesMissing,
    to_checkpoint,
)
from infrastructure.seals.seal_writer import select_tiles
from infrastructure.seals.tiles import range_root, tiles_of_ranges

SELECT_ORIGIN = "SELECT split_part(vkey, '+', 1) FROM easeboard.seal_keys ORDER BY kind LIMIT 1"


class SealsDisagree(Exception):
    """What is published is not what the database continues; the message has what to do."""


def find_disagreement(pool: WritePool, directory: Path | None) -> str | None:
    """Return why the database does not continue what is published in a directory; None if it does.

    Raises: DatabaseBusy and DatabaseUnavailable.
    """
    if directory is None:
        return None
    try:
        with_retry(pool, lambda connection: require_agreement(connection, directory))
    except (SealsDisagree, SealFileUnreadable, TilesMissing) as error:
        return str(error)
    except OSError as error:
        return f"SEAL_DIR cannot be read ({error}): let this user read it."
    return None


def require_agreement(connection: psycopg.Connection[Any], directory: Path) -> int:
    """Require that the tree in the database continues the published one; return its size.

    Raises: SealsDisagree, SealFileUnreadable, TilesMissing, OSError, and the errors of psycopg.
    """
    published = published_checkpoint(directory)
    if published is None:
        return 0
    row = connection.execute(SELECT_NEWEST_CHECKPOINT, binary=True).fetchone()
    newest = to_checkpoint(row) if row else None
    if newest is None or published.size > newest.size:
        raise SealsDisagree(
            f"{directory} has a signed checkpoint of {published.size} events, and the database "
            f"only one of {newest.size if newest else 0}: the database was restored from an older "
            "backup, or is another one. Nothing is sealed until that is resolved: restore the "
            "newest backup, or move the directory away and announce that the history was cut off."
        )
    (origin,) = connection.execute(SELECT_ORIGIN).fetchone() or ("",)
    if published.origin != origin:
        raise SealsDisagree(
            f"{directory} has the seals of {published.origin}, and the database is {origin}: give "
            "each database a SEAL_DIR of its own."
        )
    whole = EntryRange(0, published.size)
    tiles = select_tiles(connection, tiles_of_ranges([whole], published.size))
    if range_root(whole, tiles) != published.root:
        raise SealsDisagree(
            f"{directory} has a signed checkpoint of {published.size} events that the database "
            "does not continue: one of them was changed, or the database was restored and went "
            "on. Nothing is sealed until that is resolved: compare both with a copy or a witness."
        )
    return published.size
