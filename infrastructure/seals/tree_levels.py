"""The levels of the tree inside one tile."""

from collections.abc import Sequence
from hashlib import sha256

TileLevels = Sequence[Sequence[bytes]]
"""The hashes of a tile, then the levels above them; each has half as many hashes."""


def tile_levels(hashes: Sequence[bytes]) -> TileLevels:
    """Return the levels inside a tile that has these hashes; a hash without a partner ends one."""
    levels = [hashes]
    while len(levels[-1]) > 1:
        pairs = iter(levels[-1])
        levels.append(
            [
                sha256(b"\x01" + left + right).digest()
                for left, right in zip(pairs, pairs, strict=False)
            ]
        )
    return levels
