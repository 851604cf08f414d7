"""A fixed piece of work that needs the processor only; it measures how fast this machine is now."""

import time
from hashlib import blake2b

REFERENCE_MICROSECONDS = 10_000.0
"""What one execution takes on the machine whose microseconds the budgets are in."""
_ROUNDS = 3_200


def reference_cpu_seconds() -> float:
    """Execute the work once and return its CPU seconds: dictionaries, strings, sorting, hashing."""
    started_at = time.process_time()
    digest, rows = b"", []
    for nth in range(_ROUNDS):
        row = {"id": f"{nth * 7919 % 1009:04}", "score": nth / 7, "late": nth % 3 == 0}
        rows.append((row["id"], sorted(row.items(), key=lambda item: f"{item[0]}")))
        digest = blake2b(digest + f"{rows[-1]}".encode(), digest_size=16).digest()
    rows.sort()
    return time.process_time() - started_at
