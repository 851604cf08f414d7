"""The file of a grade receipt: JSON with everything that is needed to check one grade offline."""

import json
from typing import Any, NamedTuple

from infrastructure.event_store.encryption import Opening
from infrastructure.seals.exact_json import (
    JsonInexact,
    decode_base64,
    encode_base64,
    parse_json,
    require_members,
)

FORMAT = "easeboard.com/grade-receipt/v1"
MAX_RECEIPT_BYTES = 1_000_000
MAX_VKEYS = 100

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
                "salt": encode_base64(self.opening.salt),
                "plaintext": self.opening.plaintext.decode(),
            },
            "state": encode_base64(self.state),
            "entry": encode_base64(self.entry),
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
    try:
        return _to_receipt(parse_json(data))
    except JsonInexact as error:
        raise ReceiptMalformed(str(error)) from error


def _to_receipt(document: Any) -> GradeReceipt:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ReceiptMalformed(f"it has no member `format` with the value {FORMAT}")
    require_members(document, MEMBERS, "the receipt")
    require_members(document["opening"], OPENING_MEMBERS, "its member `opening`")
    vkeys = document["vkeys"]
    if len(vkeys) > MAX_VKEYS or not all(isinstance(vkey, str) for vkey in vkeys):
        raise ReceiptMalformed(f"its member `vkeys` is a list of at most {MAX_VKEYS} texts")
    return GradeReceipt(
        statement=document["statement"],
        grade=document["grade"],
        connection_number=document["connection_number"],
        opening=Opening(
            decode_base64(document["opening"]["salt"], "salt"),
            document["opening"]["plaintext"].encode(),
        ),
        state=decode_base64(document["state"], "state"),
        entry=decode_base64(document["entry"], "entry"),
        proof=document["proof"].encode(),
        vkeys=tuple(vkeys),
    )
