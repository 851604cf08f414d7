"""Verifies a grade receipt offline: with what is in the file, and the keys that are trusted."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from infrastructure.event_store.encryption import OpeningWrong, check_opening
from infrastructure.seals.entry import EntryMalformed, LogEntry, decode_entry
from infrastructure.seals.exact_json import is_same_json
from infrastructure.seals.merkle import ProofInvalid, leaf_hash, verify_inclusion
from infrastructure.seals.receipts.receipt_file import GradeReceipt
from infrastructure.seals.receipts.shown_grade import STATEMENT, NoGrade, shown_grade
from infrastructure.seals.signatures import (
    ED25519_COSIGNATURE,
    KeyMalformed,
    SignatureWrong,
    VerifierKey,
    parse_vkey,
)
from infrastructure.seals.signed_checkpoint import Checkpoint, CheckpointMalformed
from infrastructure.seals.signed_note import NoteMalformed, NoteUnsigned, open_note, split_note
from infrastructure.seals.tlog_proof import TlogProof, TlogProofMalformed
from infrastructure.seals.trust_policy import PolicyNotSatisfied, TrustPolicy

NO_POLICY = TrustPolicy((), (), (), "none")


class ReceiptInvalid(ValueError):
    """A receipt does not prove what it shows; the message names the reason."""


class ReceiptSignature(NamedTuple):
    """A valid signature of the checkpoint of a receipt."""

    key: VerifierKey
    time: int | None
    """When it was made, in seconds since 1970, by the clock of the signer; None if unknown."""
    is_trusted: bool
    """Whether the key was given by who checks, not by the receipt."""
    is_of_log: bool
    """Whether the log itself signed, not a witness."""


class VerifiedReceipt(NamedTuple):
    """What a receipt proves, and by which signatures."""

    statement: str
    grade: Mapping[str, Any]
    checkpoint: Checkpoint
    entry_index: int
    signatures: Sequence[ReceiptSignature]
    is_trusted: bool
    """Whether a key of the log was given; if not, the file only agrees with itself."""
    no_later_than: int | None
    """When the grade was in the history at the latest, in seconds since 1970, by the signatures of
    trusted witnesses; None without them."""


def verify_receipt(
    receipt: GradeReceipt, trusted: Sequence[VerifierKey] = (), policy: TrustPolicy | None = None
) -> VerifiedReceipt:
    """Return what a receipt proves, with the keys of logs and witnesses that are trusted.

    If there are any, one of them, or of the policy, must be of the log and have signed. The quorum
    of the policy must be reached.

    Raises: ReceiptInvalid.
    """
    try:
        entry = decode_entry(receipt.entry)
        grade = _verified_grade(receipt, entry)
        proof = _parse_proof(receipt.proof)
        checkpoint, signatures = _verified_signatures(receipt, proof, trusted, policy)
        verify_inclusion(
            proof.entry_index,
            checkpoint.size,
            leaf_hash(receipt.entry),
            proof.path,
            checkpoint.root,
        )
        _require_equal(receipt.statement, STATEMENT, "statement")
    except RecursionError as error:
        raise ReceiptInvalid("the content of the event is nested too deeply") from error
    except (EntryMalformed, NoGrade, OpeningWrong) as error:
        raise ReceiptInvalid(str(error)) from error
    except (TlogProofMalformed, CheckpointMalformed, NoteMalformed, ProofInvalid) as error:
        raise ReceiptInvalid(f"the proof is wrong: {error}") from error
    except (NoteUnsigned, SignatureWrong, KeyMalformed, PolicyNotSatisfied) as error:
        raise ReceiptInvalid(str(error)) from error
    return VerifiedReceipt(
        receipt.statement,
        grade,
        checkpoint,
        proof.entry_index,
        signatures,
        any(each.is_of_log and each.is_trusted for each in signatures),
        _no_later_than(signatures, policy or NO_POLICY),
    )


def _verified_grade(receipt: GradeReceipt, entry: LogEntry) -> dict[str, Any]:
    """Return what the receipt shows, if opening, state and entry belong together."""
    if sha256(receipt.state).digest() != entry.state_digest:
        raise ReceiptInvalid("the stored state is not the one of the entry")
    check_opening(receipt.state, receipt.opening)
    canvas_url = receipt.grade.get("canvas_url")
    if not isinstance(canvas_url, str):
        raise ReceiptInvalid("the member `grade` has no Canvas address")
    grade = shown_grade(
        entry,
        receipt.opening.plaintext.decode(),
        canvas_url=canvas_url,
        connection_number=receipt.connection_number,
    )
    _require_equal(receipt.grade, grade, "grade")
    return grade


def _parse_proof(text: bytes) -> TlogProof:
    proof = TlogProof.parse(text)
    note_text, lines = split_note(proof.note)
    note = note_text + b"\n" + "".join(f"{line}\n" for line in lines).encode()
    # Base64 and line ends have several forms, of which one is right: no byte may be changed.
    if proof.extra is not None or proof._replace(note=note).text() != text:
        raise TlogProofMalformed("it is not written as this program writes it")
    return proof


def _verified_signatures(
    receipt: GradeReceipt,
    proof: TlogProof,
    trusted: Sequence[VerifierKey],
    policy: TrustPolicy | None,
) -> tuple[Checkpoint, list[ReceiptSignature]]:
    """Return the checkpoint and its signatures, all of which must be valid and of known keys."""
    own = [_parse_exactly(vkey) for vkey in receipt.vkeys]
    given = [*trusted, *(policy.log_keys + policy.witness_keys if policy else ())]
    opened = open_note(proof.note, [*own, *given])
    checkpoint = Checkpoint.parse(opened.text)
    for line in split_note(proof.note)[1]:
        if (line.name, line.key_id) not in {(key.name, key.key_id) for key in opened.signatures}:
            raise NoteUnsigned(f"the checkpoint has a signature of {line.name} with an unknown key")
    signatures = [
        ReceiptSignature(key, time, key in given, _is_of_log(key, checkpoint))
        for key, time in opened.signatures.items()
    ]
    of_log = [each for each in signatures if each.is_of_log]
    if not of_log:
        raise NoteUnsigned(f"the checkpoint is not signed by its log, {checkpoint.origin}")
    if given and not any(each.is_trusted for each in of_log):
        ids = ", ".join(f"{each.key.name}+{each.key.key_id.hex()}" for each in of_log)
        raise NoteUnsigned(
            f"no given key of a log has signed the checkpoint; it is signed by {ids}"
        )
    if len(set(own)) != len(own) or not set(own) <= opened.signatures.keys():
        raise NoteUnsigned("the receipt names a key twice, or one that has not signed")
    if policy:
        policy.verify(proof.note, trusted)
    return checkpoint, signatures


def _is_of_log(key: VerifierKey, checkpoint: Checkpoint) -> bool:
    return key.name == checkpoint.origin and key.kind != ED25519_COSIGNATURE


def _parse_exactly(vkey: str) -> VerifierKey:
    key = parse_vkey(vkey)
    if str(key) != vkey:
        raise KeyMalformed("a verifier key in the receipt is not in its exact form")
    return key


def _require_equal(shown: Any, proven: Any, member: str) -> None:
    if not is_same_json(shown, proven):
        raise ReceiptInvalid(f"the member `{member}` is not what the proven content gives")


def _no_later_than(signatures: Sequence[ReceiptSignature], policy: TrustPolicy) -> int | None:
    """Return the first time by which the trusted witnesses are enough for the policy."""
    cosigned = sorted(
        (each.time, str(each.key), each.key)
        for each in signatures
        if each.time and each.is_trusted and not each.is_of_log
    )
    for number, (time, _, _) in enumerate(cosigned, start=1):
        if policy.is_satisfied(key for _, _, key in cosigned[:number]):
            return time
    return None
