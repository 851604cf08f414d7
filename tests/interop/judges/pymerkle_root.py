"""Runs in the environment of the judges: prints the root of entries as pymerkle computes it.

    python pymerkle_root.py < ENTRIES

Each line is an entry in hex.
"""

import sys

from pymerkle import InmemoryTree

tree = InmemoryTree(algorithm="sha256")
for line in sys.stdin:
    tree.append_entry(bytes.fromhex(line))
print(tree.get_root().hex())  # noqa: T201  # the answer of the judge
