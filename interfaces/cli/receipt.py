"""`easeboard receipt verify`: checks a grade receipt with what is in it and keys that are given."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from infrastructure.seals.policy_file import PolicyMalformed, parse_policy
from infrastructure.seals.receipts.receipt_file import (
    MAX_RECEIPT_BYTES,
    ReceiptMalformed,
    parse_receipt,
)
from infrastructure.seals.receipts.verify_receipt import (
    ReceiptInvalid,
    ReceiptSignature,
    VerifiedReceipt,
    verify_receipt,
)
from infrastructure.seals.signatures import KeyMalformed, VerifierKey, parse_vkey
from infrastructure.seals.trust_policy import TrustPolicy
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import print_error, print_json, print_line

MAX_FILE_BYTES = 1_000_000
"""A file of keys or a policy that is larger is none."""

NOT_TRUSTED = (
    "Warning: no key was given, so this shows only that the file agrees with itself: anybody can "
    "make such a file. Get the key of the log from the school (GET /api/v1/audit/key, or the file "
    "vkey in its SEAL_DIR), and check again with --vkey."
)

Document = dict[str, Any]


def show_receipt(file: Path, vkeys: Sequence[str], policy: Path | None, *, json: bool) -> None:
    """Print what a receipt proves.

    Raises: CommandFailed if it proves nothing, or if a file cannot be read.
    """
    keys = [key for text in vkeys for key in _read_keys(text)]
    rules = _read_policy(policy) if policy else None
    try:
        receipt = parse_receipt(_read(file, MAX_RECEIPT_BYTES))
        verified = verify_receipt(receipt, keys, rules)
    except (ReceiptMalformed, ReceiptInvalid) as error:
        kind = "is no grade receipt" if isinstance(error, ReceiptMalformed) else "is NOT valid"
        if json:
            print_json({"valid": False, "reason": str(error)})
            raise typer.Exit(1) from None
        raise CommandFailed(f"{file} {kind}: {error}.") from error
    if json:
        print_json(_as_document(verified))
    else:
        _print(verified)
    if not verified.is_trusted:
        print_error(NOT_TRUSTED)


def _print(verified: VerifiedReceipt) -> None:
    grade = verified.grade
    print_line("The receipt is valid." if verified.is_trusted else "The file agrees with itself.")
    print_line(verified.statement)
    print_line()
    rows = [
        ("grade", _score(grade.get("current"))),
        ("before", _score(grade.get("previous"))),
        ("of", f"the {grade.get('subject')}"),
        ("assignment", _name(grade, "assignment")),
        ("course", _name(grade, "course")),
        ("Canvas", grade["canvas_url"]),
        ("recorded at", grade["recorded_at"]),
        ("person", grade["person_id"]),
        ("log", verified.checkpoint.origin),
        ("entry", _place(verified)),
        *(("signed by", _describe(each)) for each in verified.signatures),
    ]
    if verified.no_later_than is not None:
        rows.append(("no later than", _time(verified.no_later_than)))
    for name, value in rows:
        if value is not None:
            print_line(f"{name:<14} {value}")


def _place(verified: VerifiedReceipt) -> str:
    index, size = verified.entry_index, verified.checkpoint.size
    return f"index {index:,} (the first has index 0) in a tree of {size:,}"


def _score(score: Any) -> str:
    is_score = isinstance(score, dict)
    given = [score.get("score"), score.get("grade")] if is_score else [score]
    texts = dict.fromkeys(str(value) for value in given if value is not None)
    return " / ".join(texts) or "none"


def _name(grade: Any, kind: str) -> str | None:
    canvas_id, name = grade.get(f"{kind}_id"), grade.get(f"{kind}_name")
    return None if canvas_id is None else f"{name or 'without a name'} (Canvas id {canvas_id})"


def _describe(signature: ReceiptSignature) -> str:
    key = signature.key
    whose = "log" if signature.is_of_log else "witness"
    when = f" at {_time(signature.time)}" if signature.time else ""
    source = "key given" if signature.is_trusted else "key from the receipt"
    return f"{key.name}+{key.key_id.hex()} ({whose}, {source}){when}"


def _time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s after 1970"


def _as_document(verified: VerifiedReceipt) -> Document:
    latest = verified.no_later_than
    return {
        "valid": True,
        "trusted": verified.is_trusted,
        "statement": verified.statement,
        "grade": dict(verified.grade),
        "origin": verified.checkpoint.origin,
        "entry_index": verified.entry_index,
        "tree_size": verified.checkpoint.size,
        "signatures": [
            {
                "key": str(each.key),
                "signer": "log" if each.is_of_log else "witness",
                "signed_at": _time(each.time) if each.time else None,
                "trusted": each.is_trusted,
            }
            for each in verified.signatures
        ],
        "no_later_than": None if latest is None else _time(latest),
    }


def _read_keys(text: str) -> list[VerifierKey]:
    """Return the keys of a text, or those of the file that it names."""
    try:
        return [parse_vkey(word) for word in text.split() or [text]]
    except KeyMalformed as error:
        if not Path(text).is_file():
            raise CommandFailed(
                f"--vkey {text} is neither a verifier key ({error}) nor a file with some."
            ) from error
    try:
        words = _read(Path(text), MAX_FILE_BYTES).decode().split()
        return [parse_vkey(word) for word in words]
    except ValueError as error:
        raise CommandFailed(f"{text} is no file with verifier keys: {error}.") from error


def _read_policy(file: Path) -> TrustPolicy:
    try:
        return parse_policy(_read(file, MAX_FILE_BYTES))
    except PolicyMalformed as error:
        raise CommandFailed(f"{file} is no policy: {error}.") from error


def _read(file: Path, most: int) -> bytes:
    """Return the content of a file, of which no more than one byte above the limit is read."""
    try:
        with file.open("rb") as opened:
            return opened.read(most + 1)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}.") from error
