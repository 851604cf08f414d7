"""Go's golang.org/x/mod/sumdb reads the log, and agrees on what is no note and no proof."""

import base64
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infrastructure.seals.merkle import ProofInvalid, verify_consistency, verify_inclusion
from infrastructure.seals.signatures import SignatureWrong
from infrastructure.seals.signed_note import NoteMalformed, NoteUnsigned, open_note
from tests.deadlines import scaled
from tests.infrastructure.seals.small_log import SmallLog
from tests.interop.published_log import FIRST, SIZE, PublishedLog

VARIANTS = 2_000


def judge(judges: Path, *arguments: str, lines: list[str] | None = None) -> list[str]:
    result = subprocess.run(  # noqa: S603  # built by make interop
        [judges / "judge", *arguments],
        input="".join(f"{line}\n" for line in lines or ()),
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_every_kind_of_proof_verifies(judges: Path, log: PublishedLog) -> None:
    found = judge(judges, "log", str(log.seals), str(log.old_checkpoint), str(log.proofs))
    assert found == [
        f"signature ok, size {SIZE}",
        "inclusion ok, 18",
        f"consistency ok, {FIRST} {SIZE}",
        f"tlog-proof ok, {len(list(log.proofs.glob('*.tlog-proof')))}",
    ]


def test_both_refuse_the_same_notes(judges: Path, log: PublishedLog) -> None:
    generator = random.Random(14)
    notes = [changed(log.note, generator) for _ in range(VARIANTS)]
    lines = [base64.b64encode(note).decode() for note in notes]
    key = log.keys[0]
    verdicts = judge(judges, "notes", str(key), lines=lines)
    different = [
        note
        for note, verdict in zip(notes, verdicts, strict=True)
        if is_note(note, log) != (verdict == "1")
    ]
    assert different == []
    assert {"0", "1"} == set(verdicts)


def changed(note: bytes, generator: random.Random) -> bytes:
    """Return a note with a byte changed, added, removed or repeated, mostly in its last lines."""
    at = generator.randrange(len(note)) if generator.random() < 0.5 else generator.randrange(200)
    byte = bytes([generator.choice([*b"\n \t+=\xe2", generator.randrange(256)])])
    kinds = (
        note[:at] + byte + note[at + 1 :],
        note[:at] + byte + note[at:],
        note[:at] + note[at + 1 :],
        note[:at],
        note + note[-at:],
        note + "\u2014 stranger.example AAAAAAAA\n".encode(),
        note + "\u2014 stranger\u00a0example AAAAAAAA\n".encode(),
    )
    return generator.choice(kinds)


def is_note(note: bytes, log: PublishedLog) -> bool:
    try:
        open_note(note, log.keys[:1])
    except (NoteMalformed, NoteUnsigned, SignatureWrong):
        return False
    return True


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_both_refuse_the_same_proofs(judges: Path, kind: str) -> None:
    generator, small = random.Random(kind), SmallLog(70)
    proofs = [a_proof(kind, small, generator) for _ in range(VARIANTS)]
    verdicts = judge(judges, "proofs", lines=[json.dumps(proof) for proof in proofs])
    different = [
        proof
        for proof, verdict in zip(proofs, verdicts, strict=True)
        if is_proof(proof) != (verdict == "1")
    ]
    assert different == []
    assert min(verdicts.count("0"), verdicts.count("1")) > VARIANTS // 10


def a_proof(kind: str, small: SmallLog, generator: random.Random) -> dict[str, Any]:
    """Return a proof of a small tree; most have one part exchanged."""
    size = generator.randint(1, 70)
    if kind == "inclusion":
        index, old = generator.randrange(size), -1
        path = small.inclusion(index, size)
    else:
        index, old = 0, generator.randint(1, size)
        path = small.proof(old, size)
    parts: dict[str, Any] = {"path": list(path), "size": size, "index": index, "old": old}
    exchange(parts, generator, kind)
    known = min(parts["size"], 70)
    old_root = small.root(old) if old >= 0 else bytes(32)
    return {
        "Index": parts["index"],
        "Old": parts["old"],
        "Size": parts["size"],
        "Leaf": encoded(small.leaf(index)),
        "OldRoot": encoded(old_root),
        "Root": encoded(small.root(known if generator.random() < 0.2 else size)),
        "Path": [encoded(each) for each in parts["path"]],
    }


def exchange(parts: dict[str, Any], generator: random.Random, kind: str) -> None:
    path = parts["path"]
    match generator.randrange(7):
        case 0 if path:
            path.pop(generator.randrange(len(path)))
        case 1:
            path.insert(generator.randint(0, len(path)), generator.randbytes(32))
        case 2 if path:
            path[generator.randrange(len(path))] = generator.randbytes(32)
        case 3:
            parts["size"] = max(1, parts["size"] + generator.choice([-1, 1, 2]))
        case 4 if kind == "inclusion":
            parts["index"] = max(0, parts["index"] + generator.choice([-1, 1, 2]))
        case 5 if kind == "consistency":
            parts["old"] = max(1, parts["old"] + generator.choice([-1, 1, 2]))
        case _:
            pass


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def is_proof(proof: dict[str, Any]) -> bool:
    path, root = [base64.b64decode(each) for each in proof["Path"]], base64.b64decode(proof["Root"])
    try:
        if proof["Old"] < 0:
            leaf = base64.b64decode(proof["Leaf"])
            verify_inclusion(proof["Index"], proof["Size"], leaf, path, root)
        else:
            old_root = base64.b64decode(proof["OldRoot"])
            verify_consistency(proof["Old"], proof["Size"], path, old_root, root)
    except ProofInvalid:
        return False
    return True
