"""The private keys of a witness, in a text file that only its owner can read."""

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from infrastructure.seals.signatures import (
    ED25519_COSIGNATURE,
    ML_DSA_44,
    SigningKey,
    new_signing_key,
    signing_key,
)

PREFIX = "PRIVATE+KEY"
PRIVATE_BYTES = 32
MAX_FILE_BYTES = 10_000
COSIGNING_KINDS = (ED25519_COSIGNATURE, ML_DSA_44)

_COMMENT = "# The private key of a witness. Who has it can sign in its name: never copy it."


class WitnessKeyUnusable(Exception):
    """The file with the keys of a witness cannot be used; the message names the way out."""


def read_keys(file: Path) -> list[SigningKey]:
    """Return the keys of a file; none if it does not exist.

    Raises: WitnessKeyUnusable.
    """
    try:
        with file.open("rb") as stream:
            _require_private(file, os.fstat(stream.fileno()))
            data = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WitnessKeyUnusable(f"{file} cannot be read ({error.strerror}).") from error
    return _parse(file, data)


def add_missing_keys(
    file: Path, keys: Sequence[SigningKey], name: str, kinds: Iterable[int]
) -> list[SigningKey]:
    """Return the keys, and a new one for each kind that they lack, after they are in the file.

    Raises: WitnessKeyUnusable.
    """
    present = {key.kind for key in keys}
    new = [new_signing_key(name, kind) for kind in kinds if kind not in present]
    complete = [*keys, *new]
    if new:
        text = "".join(f"{line}\n" for line in (_COMMENT, *map(_line, complete)))
        try:
            _write_durably(file, text, is_new=not keys)
        except FileExistsError:
            # Another process has started the same witness first.
            return add_missing_keys(file, read_keys(file), name, kinds)
        except OSError as error:
            raise WitnessKeyUnusable(
                f"{file} cannot be written ({error.strerror}): name another file with --key."
            ) from error
    return complete


def _line(key: SigningKey) -> str:
    material = base64.b64encode(bytes([key.kind]) + key.private_bytes()).decode()
    return f"{PREFIX}+{key.name}+{key.verifier.key_id.hex()}+{material}"


def _require_private(file: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise WitnessKeyUnusable(f"{file} is no regular file: name another one with --key.")
    if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
        raise WitnessKeyUnusable(
            f"{file} can be read by others (mode {stat.S_IMODE(status.st_mode):04o}). If nobody "
            f"else has read it: chmod 600 {file}. Otherwise start a new witness with another file."
        )


def _parse(file: Path, data: bytes) -> list[SigningKey]:
    lines = data.decode("utf-8", "replace").splitlines()
    keys = [_parse_line(file, line) for line in lines if line and not line.startswith("#")]
    kinds = {key.kind for key in keys}
    if not keys or len(data) > MAX_FILE_BYTES or len(kinds) != len(keys):
        raise _malformed(file)
    if len({key.name for key in keys}) != 1:
        raise _malformed(file)
    return keys


def _parse_line(file: Path, line: str) -> SigningKey:
    head, separator, rest = line.partition(f"{PREFIX}+")
    name, _, identified = rest.partition("+")
    key_id, _, encoded = identified.partition("+")
    try:
        material = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        material = b""
    if head or not separator or len(material) != 1 + PRIVATE_BYTES:
        raise _malformed(file)
    if material[0] not in COSIGNING_KINDS:
        raise _malformed(file)
    key = signing_key(name, material[0], material[1:])
    if key.verifier.key_id.hex() != key_id:
        raise _malformed(file)
    return key


def _malformed(file: Path) -> WitnessKeyUnusable:
    return WitnessKeyUnusable(
        f"{file} is not the key file of a witness: name another one with --key, or one that does "
        "not exist to start a new witness."
    )


def _write_durably(file: Path, text: str, *, is_new: bool) -> None:
    """Write a file that is complete or not there, also after a power failure.

    Raises: FileExistsError if a new one exists already.
    """
    temporary_file = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if is_new:
            os.link(temporary_file, file)
        else:
            temporary_file.replace(file)
    finally:
        temporary_file.unlink(missing_ok=True)
    if os.name == "posix":
        _fsync_folder(file.parent)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
