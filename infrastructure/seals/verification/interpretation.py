"""Decides what differences mean: whether rows, tiles or checkpoints are the ones that changed."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import psycopg

from infrastructure.seals.seal_store import SealedCheckpoint
from infrastructure.seals.tiles import TILE_WIDTH
from infrastructure.seals.verification.anchors import AnchorOrigin, rewritten
from infrastructure.seals.verification.described_rows import describe
from infrastructure.seals.verification.findings import MAX_FINDINGS, Finding, FindingKind, Findings
from infrastructure.seals.verification.leaf_sources import DatabaseTiles, LeafSource
from infrastructure.seals.verification.log_check import CheckedLog, Failure
from infrastructure.seals.verification.row_differences import RowComparison

ORIGINS: Sequence[AnchorOrigin] = ("kept", "published", "database")
"""Whose checkpoint counts most: what is kept elsewhere cannot be changed with the database."""
SOURCES = ("published entries", "published tiles", "tiles of the database")
"""Which copy of the hashes shows most."""


def interpret(
    connection: psycopg.Connection[Any], log: CheckedLog, *, stored_size: int, findings: Findings
) -> None:
    """Add a finding for each difference of a comparison.

    A signed checkpoint decides: the copy of the hashes that leads to its root is the sealed one,
    and what differs from it was changed. `stored_size` is that of the newest checkpoint of the
    database; 0 without one.
    """
    if not log.failures:
        findings.extend(_changed_copies(log))
        return
    is_stored_right = log.last_good is not None and log.last_good.size >= stored_size > 0
    reference = _choose_reference(log.failures)
    if is_stored_right:
        findings.extend(_replaced(log.failures))
    if reference:
        findings.extend(_changed_rows(connection, log, *reference))
    elif not is_stored_right:
        findings.add(_not_located(log))
    findings.extend(_rewritten_checkpoints(log, reference, is_stored_right=is_stored_right))


def cut_history(newest: SealedCheckpoint | None, size: int) -> Finding:
    """Return the finding about a database whose newest checkpoint is smaller than another one."""
    have = f"its newest checkpoint has {newest.size:,}" if newest else "it has no checkpoint"
    detail = (
        f"The database was set back: a signed checkpoint has {size:,} events, and {have}."
        " It was restored from a backup, or its newest events were removed."
    )
    return Finding(kind="history cut", detail=detail, size=size)


def _choose_reference(failures: Iterable[Failure]) -> tuple[Failure, str] | None:
    """Return the checkpoint to compare with, and the copy of the hashes that leads to it."""
    matched = [failure for failure in failures if failure.matching]
    for origin in ORIGINS:
        of_origin = [failure for failure in matched if failure.anchor.origin == origin]
        if of_origin:
            failure = max(of_origin, key=lambda each: each.anchor.size)
            return failure, next(name for name in SOURCES if name in failure.matching)
    return None


def _changed_rows(
    connection: psycopg.Connection[Any], log: CheckedLog, failure: Failure, name: str
) -> Iterable[Finding]:
    """Yield the rows that differ from the copy of the hashes that has a name."""
    source = next(each for each in log.sources if each.source.name == name)
    comparison = RowComparison(
        connection=connection,
        reference=source.source,
        bundles=_bundles(log) or source.source,
        tiles=DatabaseTiles(connection),
        size=failure.anchor.size,
        last_position=failure.anchor.last_position,
    )
    first = source.differences[0].entry_index // TILE_WIDTH if source.differences else 0
    return describe(list(islice(comparison.differences(first), MAX_FINDINGS + 1)))


def _bundles(log: CheckedLog) -> LeafSource | None:
    return next((each.source for each in log.sources if each.source.name == SOURCES[0]), None)


def _changed_copies(log: CheckedLog) -> Iterable[Finding]:
    """Yield what differs in copies of the hashes while the rows match every checkpoint."""
    for checked in log.sources:
        name = checked.source.name
        kind: FindingKind = "entries rewritten" if name == SOURCES[0] else "tile rewritten"
        for index, position in checked.differences:
            detail = (
                f"The {name} were changed: the hash with the index {index} is not that of the row"
                f" at position {position}, which matches the signed checkpoints."
            )
            yield Finding(kind=kind, detail=detail, position=position, index=index)
        for index, position in checked.wrong_starts:
            detail = (
                f"The {name} were changed: the tile that begins with the index {index} begins at"
                f" position {position}."
            )
            yield Finding(kind=kind, detail=detail, position=position, index=index)
        if checked.first_missing is not None:
            number = checked.first_missing
            detail = f"The {name} have no tile {number} of level 0, or too few hashes in it."
            yield Finding(kind="tile missing", detail=detail, index=number * TILE_WIDTH)
    for upper in log.upper:
        detail = (
            f"The {upper.source} were changed: tile {upper.tile.number} of level"
            f" {upper.tile.level} {'is missing' if upper.is_missing else 'has other hashes'}."
        )
        index = upper.tile.number * TILE_WIDTH ** (upper.tile.level + 1)
        yield Finding(
            kind="tile missing" if upper.is_missing else "tile rewritten",
            detail=detail,
            index=index,
        )


def _replaced(failures: Iterable[Failure]) -> Iterable[Finding]:
    """Yield the checkpoints kept elsewhere that the rows and the database's own do not continue."""
    for failure in failures:
        anchor = failure.anchor
        if anchor.origin != "database":
            detail = (
                f"The history was replaced: rows and checkpoints of the database agree with each"
                f" other, but not with {anchor}, which the log has signed"
                f" ({', '.join(anchor.signers)})."
            )
            yield Finding(kind="history replaced", detail=detail, size=anchor.size)


def _rewritten_checkpoints(
    log: CheckedLog, reference: tuple[Failure, str] | None, *, is_stored_right: bool
) -> Iterable[Finding]:
    """Yield the checkpoints of the database that neither the rows nor the sealed hashes match."""
    if reference is None and not is_stored_right:
        return
    for failure in log.failures:
        anchor = failure.anchor
        is_explained = reference is not None and reference[1] in failure.matching
        if anchor.origin == "database" and not is_explained:
            yield rewritten(anchor.size, anchor.last_position, "its root is not that of the rows")


def _not_located(log: CheckedLog) -> Finding:
    """Return the finding about rows and tiles that were changed together."""
    first = min((failure.anchor for failure in log.failures), key=lambda anchor: anchor.size)
    good = log.last_good.size if log.last_good and log.last_good.size < first.size else 0
    detail = (
        f"The history was replaced: neither the rows nor any copy of their hashes lead to {first}."
        f" What changed has an index from {good} to {first.size - 1}."
    )
    return Finding(kind="history replaced", detail=detail, index=good, size=first.size)
