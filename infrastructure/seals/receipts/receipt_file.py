"""The file of a grade receipt: JSON with everything that is needed to check one grade offline."""

import base64
import binascii
import json
from typing import Any, NamedTuple, NoReturn

from infrastructure.event_store.encryption import Opening

FORMAT = "easeboard.com/grade-receipt/v1"
MAX_RECEIPT_BYTES = 1_000_000
MAX_VKEYS = 100
MAX_SHOWN_CHARACTERS = 60

MEMBERS: dict[str, type] = {
    "format": str,
    "statement": str,
    "grade": dict,
    "connection_number": int,
    "opening": dict,
    "state": str,
    "entry": str,
    "proof": str,
    "vkeys": list,
}
OPENING_MEMBERS: dict[str, type] = {"salt": str, "plaintext": str}


class ReceiptMalformed(ValueError):
    """A file is no grade receipt; the message names what is wrong."""


class GradeReceipt(NamedTuple):
    """What a receipt contains; nothing of it is verified yet."""

    statement: str
    """One sentence for people, which is the same in every receipt."""
    grade: dict[str, Any]
    """What the receipt shows; it follows from opening, entry and connection number."""
    connection_number: int
    """Which of the account's connections to this Canvas read the grade, from 1."""
    opening: Opening
    """What shows the content of the event."""
    state: bytes
    """The state of the event as it is stored: encrypted, with the commitment."""
    entry: bytes
    """The entry of the event in the tree."""
    proof: bytes
    """The text of a `.tlog-proof`, with the signed checkpoint."""
    vkeys: tuple[str, ...]
    """The keys that signed the checkpoint; the receipt alone is no reason to trust them."""

    def encode(self) -> bytes:
        """Return the file."""
        document = {
            "format": FORMAT,
            "statement": self.statement,
            "grade": self.grade,
            "connection_number": self.connection_number,
            "opening": {
                "salt": _encode(self.opening.salt),
                "plaintext": self.opening.plaintext.decode(),
            },
            "state": _encode(self.state),
            "entry": _encode(self.entry),
            "proof": self.proof.decode(),
            "vkeys": list(self.vkeys),
        }
        return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def parse_receipt(data: bytes) -> GradeReceipt:
    """Return the receipt in a file, not verified.

    Raises: ReceiptMalformed.
    """
    if len(data) > MAX_RECEIPT_BYTES:
        raise ReceiptMalformed(f"a receipt has at most {MAX_RECEIPT_BYTES:,} bytes")
    document = _parse_json(data)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ReceiptMalformed(f"it has no member `format` with the value {FORMAT}")
    _require_members(document, MEMBERS, "the receipt")
    _require_members(document["opening"], OPENING_MEMBERS, "its member `opening`")
    vkeys = document["vkeys"]
    if len(vkeys) > MAX_VKEYS or not all(isinstance(vkey, str) for vkey in vkeys):
        raise ReceiptMalformed(f"its member `vkeys` is a list of at most {MAX_VKEYS} texts")
    return GradeReceipt(
        statement=document["statement"],
        grade=document["grade"],
        connection_number=document["connection_number"],
        opening=Opening(
            _decode(document["opening"]["salt"], "salt"),
            document["opening"]["plaintext"].encode(),
        ),
        state=_decode(document["state"], "state"),
        entry=_decode(document["entry"], "entry"),
        proof=document["proof"].encode(),
        vkeys=tuple(vkeys),
    )


def _parse_json(data: bytes) -> Any:
    try:
        text = data.decode()
        document = json.loads(
            text, object_pairs_hook=_unique_members, parse_constant=_refuse_constant
        )
        # A lone surrogate is no text: no other program reads it in the same way.
        json.dumps(document, ensure_ascii=False).encode()
    except ReceiptMalformed:
        raise
    except (ValueError, RecursionError):
        raise ReceiptMalformed("it is no JSON in UTF-8") from None
    return document


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ReceiptMalformed("a member occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ReceiptMalformed(f"{name} is no number of JSON")


def _require_members(document: dict[str, Any], members: dict[str, type], where: str) -> None:
    unknown = document.keys() - members.keys()
    if unknown:
        name = min(unknown)[:MAX_SHOWN_CHARACTERS]
        raise ReceiptMalformed(f"{where} has a member `{name}` that is not of this format")
    for name, kind in members.items():
        if type(document.get(name)) is not kind:
            raise ReceiptMalformed(f"{where} has no member `{name}` of the right type")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str, name: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = None
    if decoded is None or _encode(decoded) != text:
        raise ReceiptMalformed(f"its member `{name}` is not base64")
    return decoded
