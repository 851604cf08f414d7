"""Opens the file that an option such as `--out` names, without harm to what is there already."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

STANDARD_OUTPUT = Path("-")


def is_standard_output(out: Path) -> bool:
    """Return whether a path is `-`, or another name of the standard output of this process."""
    if out == STANDARD_OUTPUT:
        return True
    try:
        return os.path.samestat(out.stat(), os.fstat(sys.stdout.fileno()))
    except OSError:
        return False


@contextmanager
def open_output(out: Path) -> Iterator[BinaryIO]:
    """Open an output to write; a regular file takes its name when all of it is on the disk.

    A symbolic link stays one. A device or a pipe is written to and never replaced.

    Raises: OSError if it cannot be written.
    """
    if is_standard_output(out):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if not _is_regular_or_new(out):
        with out.open("wb") as device:
            yield device
        return
    target = out.resolve()
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            yield file  # type: ignore[misc]  # a temporary file has all that a binary file has
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink()
            raise


def _is_regular_or_new(out: Path) -> bool:
    try:
        return stat.S_ISREG(out.stat().st_mode)
    except FileNotFoundError:
        return True
