"""Signed notes (C2SP signed-note): a text, an empty line, and lines with signatures of it."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from infrastructure.seals.signatures import KEY_ID_BYTES, Signer, VerifierKey

SIGNATURE_MARK = "\u2014 "
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100


class NoteMalformed(ValueError):
    """Bytes are no signed note."""


class NoteUnsigned(ValueError):
    """A note has no signature of a key that is trusted."""


class SignatureLine(NamedTuple):
    """A signature of a note: the name and the id of its key, and the bytes behind them."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        """Return the line, without its end."""
        return f"{SIGNATURE_MARK}{self.name} {_base64(self.key_id + self.signature)}"


class OpenedNote(NamedTuple):
    """The text of a note, and the time of each valid signature by its key; None without a time."""

    text: bytes
    signatures: Mapping[VerifierKey, int | None]


def sign_note(text: bytes, signers: Iterable[Signer], time: int) -> bytes:
    """Return a note with the signatures of these keys; `time` is in seconds since 1970."""
    lines = [sign_text(text, signer, time) for signer in signers]
    return add_signatures(text + b"\n", lines)


def sign_text(text: bytes, signer: Signer, time: int) -> SignatureLine:
    """Return the signature line of a key for a text."""
    key = signer.verifier
    return SignatureLine(key.name, key.key_id, signer.sign(text, time))


def add_signatures(note: bytes, lines: Iterable[SignatureLine]) -> bytes:
    """Return a note with more signature lines at its end; the same line is not added twice."""
    present = set(note.decode().splitlines())
    new = [text for text in dict.fromkeys(map(str, lines)) if text not in present]
    return note + "".join(f"{line}\n" for line in new).encode()


def split_note(note: bytes) -> tuple[bytes, list[SignatureLine]]:
    """Return the text of a note and its signature lines, none of them verified.

    Raises: NoteMalformed.
    """
    if len(note) > MAX_NOTE_BYTES:
        raise NoteMalformed(f"a note has at most {MAX_NOTE_BYTES:,} bytes")
    try:
        decoded = note.decode()
    except UnicodeDecodeError:
        raise NoteMalformed("a note is UTF-8") from None
    if any(character < " " and character != "\n" for character in decoded):
        raise NoteMalformed("a note has no control characters")
    text, separator, signatures = decoded.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteMalformed("a note has an empty line between its text and its signatures")
    lines = parse_signature_lines(signatures)
    if not lines:
        raise NoteMalformed("a note has at least one signature")
    return text.encode() + b"\n", lines


def parse_signature_lines(text: str) -> list[SignatureLine]:
    """Return the signatures of lines that each begin with a dash, as witnesses send them.

    Raises: NoteMalformed.
    """
    lines = text.removesuffix("\n").split("\n") if text else []
    if len(lines) > MAX_SIGNATURES:
        raise NoteMalformed(f"a note has at most {MAX_SIGNATURES} signatures")
    return [_parse_line(line) for line in lines]


def open_note(note: bytes, keys: Sequence[VerifierKey]) -> OpenedNote:
    """Return the text of a note that at least one of these keys has signed.

    Signatures of other keys are ignored.

    Raises: NoteMalformed; NoteUnsigned; SignatureWrong if one of a known key does not match.
    """
    text, lines = split_note(note)
    known = {(key.name, key.key_id): key for key in keys}
    times: dict[VerifierKey, int | None] = {}
    for line in lines:
        key = known.get((line.name, line.key_id))
        if key is not None:
            times[key] = key.verify(text, line.signature)
    if not times:
        names = ", ".join(sorted({key.name for key in keys})) or "nobody"
        raise NoteUnsigned(f"the note is not signed with a key of {names}")
    return OpenedNote(text, times)


def _parse_line(line: str) -> SignatureLine:
    name, separator, encoded = line.removeprefix(SIGNATURE_MARK).partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    is_name = name.split() == [name] and "+" not in name
    is_signature = line.startswith(SIGNATURE_MARK) and is_name and separator
    # Python also decodes base64 with too much padding, which other programs refuse.
    if not is_signature or len(decoded) <= KEY_ID_BYTES or len(encoded) % 4:
        raise NoteMalformed("a signature line is a dash, a name and base64")
    return SignatureLine(name, decoded[:KEY_ID_BYTES], decoded[KEY_ID_BYTES:])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
