"""Makes the directories of test servers, in memory if there is enough of it."""

import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  # each directory in it is new, and of this user alone
MIN_FREE_BYTES = 4 << 30
"""A run used 0.4 GiB when it was measured; each of its servers may have 0.25 GiB of WAL."""
SERVER_SETTINGS = {"fsync": "off", "max_wal_size": "256MB"}
"""Tests kill processes but not the machine, so fsync would only make them slower."""


def new_server_folder() -> Path:
    """Create a directory that the account of a server may enter; the caller deletes it.

    Each test with a database creates and drops hundreds of files. On a disk that takes ten times
    longer than in memory, and much longer while others use that disk. The temporary folder of
    pytest would not do: if root runs the tests, the account of the server cannot enter it.
    """
    has_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MIN_FREE_BYTES
    name = tempfile.mkdtemp(prefix="easeboard-tests-", dir=MEMORY if has_memory else None)
    folder = Path(name).resolve()
    folder.chmod(0o711)
    return folder
