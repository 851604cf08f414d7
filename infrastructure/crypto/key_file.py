"""The master key of an embedded database: generated once, and stored in a file beside it."""

import os
import secrets
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from infrastructure.crypto.master_key import MASTER_KEY_BYTES


def read_or_create_key(file: Path) -> str:
    """Return the key in a file, in the format of CANVAS_ENCRYPTION_KEY; generate it if missing.

    The file is created complete, and only its owner can read it. If two processes generate a key
    at the same time, both use the same one.
    """
    with suppress(FileNotFoundError):
        return file.read_text().strip()
    temporary_file = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    _write_private_file(
        temporary_file, "base64:" + b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode()
    )
    try:
        with suppress(FileExistsError):
            os.link(temporary_file, file)
    finally:
        temporary_file.unlink()
    return file.read_text().strip()


def _write_private_file(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
