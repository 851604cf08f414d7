"""The master key of an embedded database: generated once, and stored in a file beside it."""

import os
import secrets
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from infrastructure.crypto.master_key import MASTER_KEY_BYTES


class KeyFileUnusable(Exception):
    """A file with a key cannot be read or written; the message names it and what to do."""


def read_or_create_key(file: Path) -> str:
    """Return the key in a file, in the format of CANVAS_ENCRYPTION_KEY; generate it if missing.

    The file is created complete, and only its owner can read it. If two processes generate a key
    at the same time, both use the same one.

    Raises: KeyFileUnusable.
    """
    with suppress(FileNotFoundError):
        return read_key(file)
    _create_key(file)
    return read_key(file)


def read_key(file: Path) -> str:
    """Return the key in a file.

    Raises: KeyFileUnusable; FileNotFoundError if it is missing.
    """
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyFileUnusable(
            f"{file} cannot be read ({error.strerror}); it must be a file that this user may read."
        ) from error
    except UnicodeDecodeError as error:
        raise _without_key(file) from error
    if len(text) < MASTER_KEY_BYTES:
        raise _without_key(file)
    return text


def _without_key(file: Path) -> KeyFileUnusable:
    return KeyFileUnusable(
        f"{file} has no key of {MASTER_KEY_BYTES} bytes; restore the file from a copy."
    )


def _create_key(file: Path) -> None:
    temporary_file = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    text = "base64:" + b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode()
    try:
        _write_private_file(temporary_file, text)
        with suppress(FileExistsError):
            os.link(temporary_file, file)
    except OSError as error:
        raise KeyFileUnusable(
            f"{file} cannot be created ({error.strerror}); set EASEBOARD_HOME to a directory in"
            " which this user may create files."
        ) from error
    finally:
        temporary_file.unlink(missing_ok=True)


def _write_private_file(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
