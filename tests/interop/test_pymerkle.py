"""pymerkle computes the same root over the published entries."""

import subprocess
from pathlib import Path

import pytest

from infrastructure.seals.merkle import EntryRange, fold_right, leaf_hash, perfect_ranges
from infrastructure.seals.merkle import perfect_root as root_of
from infrastructure.seals.tiles import decode_bundle
from tests.deadlines import scaled
from tests.interop.published_log import PublishedLog

SCRIPT = Path(__file__).parent / "judges" / "pymerkle_root.py"


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 1000])
def test_the_same_root(judges: Path, log: PublishedLog, size: int) -> None:
    bundles = [log.seals / "tile" / "entries" / f"{number:03d}" for number in range(4)]
    entries = [entry for bundle in bundles for entry in decode_bundle(bundle.read_bytes())][:size]
    result = subprocess.run(  # noqa: S603  # installed by make interop
        [judges / "python", SCRIPT],
        input="".join(f"{entry.hex()}\n" for entry in entries),
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=True,
    )
    hashes = [leaf_hash(entry) for entry in entries]
    parts = perfect_ranges(EntryRange(0, size))
    root = fold_right([root_of(hashes[part.start : part.end]) for part in parts])
    assert result.stdout.strip() == root.hex()
