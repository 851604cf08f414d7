"""Reads a directory of seals as others do: with nothing but its files and the verifier key."""

from pathlib import Path

from infrastructure.seals.merkle import EMPTY_ROOT
from infrastructure.seals.signatures import parse_vkey
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import open_note
from infrastructure.seals.tiles import (
    GrowingTree,
    TileId,
    bundle_hashes,
    bundle_path,
    decode_bundle,
    tile_path,
    tile_width,
)


def verified_size(directory: Path) -> int:
    """Return the size of the published tree, after a check of every file that it needs."""
    vkeys = (directory / "vkey").read_text().splitlines()
    opened = open_note((directory / "checkpoint").read_bytes(), [parse_vkey(key) for key in vkeys])
    checkpoint = Checkpoint.parse(opened.text)
    tree, full = GrowingTree(), dict[TileId, list[bytes]]()
    for number in range(-(-checkpoint.size // 256)):
        width = tile_width(TileId(0, number), checkpoint.size)
        bundle = directory / bundle_path(number, width)
        full |= tree.add(bundle_hashes(decode_bundle(bundle.read_bytes())))
    for tile, hashes in (full | tree.partial_tiles()).items():
        path = directory / tile_path(tile, len(hashes))
        assert path.read_bytes() == b"".join(hashes), path
    assert (tree.root() if tree.size else EMPTY_ROOT) == checkpoint.root
    assert tree.size == checkpoint.size
    return checkpoint.size


def files_of(directory: Path) -> dict[str, bytes]:
    """Return all files of the seals by relative path, without what is not published."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
