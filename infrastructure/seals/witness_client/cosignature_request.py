"""Obtains the signatures of one witness for a checkpoint, and verifies them."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

import aiohttp

from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.add_checkpoint import AddCheckpoint
from infrastructure.seals.merkle import consistency_ranges
from infrastructure.seals.seal_store import SealedCheckpoint, read_tiles
from infrastructure.seals.signatures import SignatureWrong, VerifierKey
from infrastructure.seals.signed_note import SignatureLine, split_note
from infrastructure.seals.tiles import range_root, tiles_of_ranges
from infrastructure.seals.witness_client.witness_exchange import (
    HistoryContradicted,
    SizeConflict,
    WitnessSilent,
    add_checkpoint,
)

MAX_ATTEMPTS = 3
"""A witness may answer another size once; one that goes on is left for the next round."""
MAX_CLOCK_DIFFERENCE_SECONDS = 300

Prove = Callable[[int, int], Awaitable[list[bytes]]]
"""Returns the proof that the tree of the second size continues the one of the first."""


class Cosignature(NamedTuple):
    """A verified signature of a witness, and its time in seconds since 1970."""

    key: VerifierKey
    line: SignatureLine
    time: int


class CosignatureRequest(NamedTuple):
    """What is sent to one witness: where, by which keys it signs, and what it has signed last."""

    url: str
    keys: Sequence[VerifierKey]
    known_size: int
    checkpoint: SealedCheckpoint


async def obtain_cosignatures(
    session: aiohttp.ClientSession, request: CosignatureRequest, prove: Prove, now: float
) -> list[Cosignature]:
    """Return the signatures of a witness for a checkpoint; at least one.

    Raises: WitnessSilent; HistoryContradicted.
    """
    size, note = request.checkpoint.size, request.checkpoint.note
    old_size = request.known_size if request.known_size <= size else 0
    for _ in range(MAX_ATTEMPTS):
        proof = await prove(old_size, size)
        answer = await add_checkpoint(session, request.url, AddCheckpoint(old_size, proof, note))
        if not isinstance(answer, SizeConflict):
            return verify_cosignatures(note, answer, request.keys, now)
        if answer.size > size:
            raise HistoryContradicted(
                f"it has signed a history of {answer.size} events, and this log has {size}: the "
                "log went backwards",
                answer.size,
            )
        if answer.size == old_size:
            raise WitnessSilent("it refuses the size that it demands")
        old_size = answer.size
    raise WitnessSilent(f"it demanded another size {MAX_ATTEMPTS} times")


def verify_cosignatures(
    note: bytes, lines: Iterable[SignatureLine], keys: Iterable[VerifierKey], now: float
) -> list[Cosignature]:
    """Return the signatures of these keys, each of the text of the note and of about now.

    Raises: WitnessSilent if there is none, or if one is wrong.
    """
    text, _ = split_note(note)
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[VerifierKey, Cosignature] = {}
    for line in lines:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        try:
            time = key.verify(text, line.signature)
        except SignatureWrong as error:
            raise WitnessSilent(str(error)) from error
        if time is None or abs(time - now) > MAX_CLOCK_DIFFERENCE_SECONDS:
            raise WitnessSilent(
                f"its signature has the time {time}, and here it is {now:.0f} (seconds since "
                "1970): one of the clocks is wrong"
            )
        found[key] = Cosignature(key, line, time)
    if not found:
        raise WitnessSilent("it signed with none of the keys that the policy has for it")
    return list(found.values())


async def prove_consistency(pool: ReadPool, old_size: int, size: int) -> list[bytes]:
    """Return the proof that the tree of `size` entries continues the one of `old_size`.

    Raises: TilesMissing.
    """
    ranges = consistency_ranges(old_size, size)
    tiles = await read_tiles(pool, tiles_of_ranges(ranges, size))
    return [range_root(part, tiles) for part in ranges]
