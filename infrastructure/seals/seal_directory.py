"""The seals as plain files below `SEAL_DIR` (C2SP tlog-tiles), which others read and copy."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO

from infrastructure.seals.signed_checkpoint import Checkpoint, CheckpointMalformed
from infrastructure.seals.signed_note import MAX_NOTE_BYTES, NoteMalformed, split_note

CHECKPOINT_FILE = "checkpoint"
VKEY_FILE = "vkey"
TILE_DIRECTORY = "tile"
ENTRIES_DIRECTORY = "tile/entries"
LOCK_FILE = ".lock"
LOCK_SECONDS, LOCK_POLL_SECONDS = 10.0, 0.05
PRIVATE_MODE, PUBLIC_MODE = 0o600, 0o644
PRIVATE_DIRECTORY_MODE, PUBLIC_DIRECTORY_MODE = 0o700, 0o755


class SealFileUnreadable(Exception):
    """A file of the seals is there, and is none."""


class SealFileDiffers(Exception):
    """A file that must never change has another content than the one to publish."""


def read_published_note(directory: Path) -> bytes | None:
    """Return the signed checkpoint that is published; None if there is none.

    Raises: OSError if it cannot be read.
    """
    try:
        with (directory / CHECKPOINT_FILE).open("rb") as file:
            return file.read(MAX_NOTE_BYTES + 1)
    except FileNotFoundError:
        return None


def checkpoint_missing(directory: Path) -> str | None:
    """Return why there is no checkpoint beside the published tiles; None if nothing is wrong.

    While a process publishes, the first checkpoint follows its tiles.
    """
    if (
        not (directory / TILE_DIRECTORY).is_dir()
        or (directory / CHECKPOINT_FILE).exists()
        or is_being_published(directory)
    ):
        return None
    return (
        f"{directory} has published tiles, but no file {CHECKPOINT_FILE}: it was removed, or the "
        "first publication was interrupted. A running `easeboard serve` publishes it again; "
        "compare it with a copy or a witness."
    )


def published_checkpoint(directory: Path) -> Checkpoint | None:
    """Return the checkpoint that is published, without a look at its signatures; None without one.

    Raises: SealFileUnreadable; OSError if it cannot be read.
    """
    note = read_published_note(directory)
    if note is None:
        return None
    try:
        text, _ = split_note(note)
        return Checkpoint.parse(text)
    except (NoteMalformed, CheckpointMalformed) as error:
        raise SealFileUnreadable(
            f"{directory / CHECKPOINT_FILE} is no signed checkpoint ({error}): restore it from a "
            "copy, or move the directory away; it is then filled again from the database."
        ) from error


def is_being_published(directory: Path) -> bool:
    """Return whether a process publishes into the directory at this moment."""
    try:
        with (directory / LOCK_FILE).open("rb") as file:
            return not _try_lock(file, fcntl.LOCK_SH)
    except OSError:
        return False


class SealDirectory:
    """Writes the files; each is complete or not there, and no full tile is ever changed.

    Every method may raise OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process write here during the block; it waits some seconds for one."""
        self._make_directory(self.path)
        with (self.path / LOCK_FILE).open("wb") as file:
            deadline = monotonic() + LOCK_SECONDS
            while not _try_lock(file):
                if monotonic() > deadline:
                    raise TimeoutError(f"another process has locked {self.path}")
                sleep(LOCK_POLL_SECONDS)
            yield

    def write_once(self, files: Mapping[str, bytes]) -> None:
        """Write new files, by relative path; those that are there must have this content.

        Raises: SealFileDiffers, after the other files are written.
        """
        present = {name: self._read(name) for name in files}
        self._write({name: files[name] for name, content in present.items() if content is None})
        different = [
            name for name, content in present.items() if content not in (None, files[name])
        ]
        if different:
            raise SealFileDiffers(
                f"{self.path / different[0]} has another content than the database, and "
                f"{len(different) - 1} more files have: compare the directory with a copy of it, "
                "and run `easeboard audit verify`. The file is left as it is."
            )

    def replace(self, name: str, content: bytes) -> None:
        """Write a file that changes with time, such as the checkpoint.

        A name that the disk loses in a crash is missing at the next start, and written again.
        """
        if self._read(name) != content:
            self._write({name: content})
            _sync_directory(self.path)

    def remove_partial(self, name: str) -> None:
        """Remove the partial tiles of a tile that is full; `name` is the path of the full one."""
        directory = f"{self.path}/{name}.p"
        with suppress(FileNotFoundError):
            for file in os.listdir(directory):  # noqa: PTH208  # a Path for each file costs more than its removal
                os.unlink(f"{directory}/{file}")  # noqa: PTH108  # as above
            os.rmdir(directory)  # noqa: PTH106  # as above

    def _read(self, name: str) -> bytes | None:
        try:
            with open(f"{self.path}/{name}", "rb") as file:  # noqa: PTH123  # as above
                return file.read()
        except FileNotFoundError:
            return None

    def _write(self, files: Mapping[str, bytes]) -> None:
        """Give files their names when all of them are on the disk, as a crash may come any time."""
        with ExitStack() as opened:
            written = [opened.enter_context(self._open_temporary(name)) for name in files]
            for file, content in zip(written, files.values(), strict=True):
                file.write(content)
                file.flush()
            for file in written:
                os.fsync(file)
        for name in files:
            path = f"{self.path}/{name}"
            os.replace(_temporary(path), path)  # noqa: PTH105  # as above

    def _open_temporary(self, name: str) -> BinaryIO:
        """Open a file beside the one of this name."""
        mode = PRIVATE_MODE if name.startswith(ENTRIES_DIRECTORY) else PUBLIC_MODE
        path, flags = _temporary(f"{self.path}/{name}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            descriptor = os.open(path, flags, mode)
        except FileNotFoundError:
            self._make_directory((self.path / name).parent)
            descriptor = os.open(path, flags, mode)
        return open(descriptor, "wb")  # noqa: PTH123  # opened with a mode

    def _make_directory(self, path: Path) -> None:
        if path.is_dir():
            return
        if path != self.path:
            self._make_directory(path.parent)
        is_private = path.is_relative_to(self.path / ENTRIES_DIRECTORY)
        mode = PRIVATE_DIRECTORY_MODE if is_private else PUBLIC_DIRECTORY_MODE
        path.mkdir(mode, parents=path == self.path, exist_ok=True)


def _try_lock(file: BinaryIO, mode: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _temporary(path: str) -> str:
    directory, _, name = path.rpartition("/")
    return f"{directory}/.{name}.new"


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
