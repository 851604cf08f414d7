"""Compares what a witness has signed with the tree in the database; changes nothing."""

from collections.abc import Sequence
from hashlib import sha256

import aiohttp

from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.merkle import EntryRange
from infrastructure.seals.seal_store import TilesMissing, newest_checkpoint, read_tiles
from infrastructure.seals.signatures import SignatureWrong, VerifierKey
from infrastructure.seals.signed_checkpoint import Checkpoint, CheckpointMalformed
from infrastructure.seals.signed_note import NoteMalformed, NoteUnsigned, open_note
from infrastructure.seals.tiles import range_root, tiles_of_ranges
from infrastructure.seals.witness_client.witness_exchange import (
    HistoryContradicted,
    WitnessSilent,
    fetch_newest,
)


async def compare_with_witness(
    session: aiohttp.ClientSession, url: str, pool: ReadPool, log_keys: Sequence[VerifierKey]
) -> int | None:
    """Return the size of the newest checkpoint that a witness serves and this history continues.

    None if the witness serves none: a public one may do so at another address.

    Raises: HistoryContradicted if the log has signed a checkpoint that the database does not
        continue; errors of psycopg and its pool.
    """
    origin = log_keys[0].name
    try:
        note = await fetch_newest(session, url, sha256(origin.encode()).hexdigest())
        if note is None:
            return None
        checkpoint = Checkpoint.parse(open_note(note, log_keys).text)
    except (WitnessSilent, NoteMalformed, NoteUnsigned, SignatureWrong, CheckpointMalformed):
        return None
    if checkpoint.origin != origin:
        return None
    await require_continuation(pool, checkpoint)
    return checkpoint.size


async def require_continuation(pool: ReadPool, signed: Checkpoint) -> None:
    """Require that the tree in the database continues a checkpoint that the log has signed.

    Raises: HistoryContradicted; errors of psycopg and its pool.
    """
    newest = await newest_checkpoint(pool)
    size = newest.size if newest else 0
    if signed.size > size:
        raise HistoryContradicted(
            f"it has a signed checkpoint of {signed.size} events, and this database has one of "
            f"{size}: events were removed, or an older backup was restored",
            signed.size,
        )
    whole = [EntryRange(0, signed.size)]
    try:
        tiles = await read_tiles(pool, tiles_of_ranges(whole, signed.size))
    except TilesMissing as error:
        raise HistoryContradicted(str(error)) from error
    if signed.size and range_root(whole[0], tiles) != signed.root:
        raise HistoryContradicted(
            f"it has a signed checkpoint of {signed.size} events that this database does not "
            "continue: events were changed after they were sealed"
        )
