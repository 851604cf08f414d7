"""Signatures, notes, tiles and requests that other projects publish: vectors/README.md."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from infrastructure.seals import signatures
from infrastructure.seals.merkle import EntryRange, leaf_hash
from infrastructure.seals.signatures import (
    ED25519,
    ED25519_COSIGNATURE,
    ML_DSA_44,
    SignatureWrong,
    VerifierKey,
    new_signing_key,
    parse_vkey,
)
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import open_note
from infrastructure.seals.tiles import (
    GrowingTree,
    TileId,
    bundle_hashes,
    decode_bundle,
    range_root,
    split_hashes,
)
from infrastructure.seals.witness.cosigned_checkpoints import CosignedCheckpoints
from infrastructure.seals.witness.cosigner import Cosigner

VECTORS = Path(__file__).parent / "vectors"
CHANGED_STATUS = {2: HTTPStatus.NOT_FOUND}
"""Requests to litewitness that are answered differently since tlog-witness v1.0.0."""
MIN_VECTORS = 300


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text("utf-8"))


TESSERA, LITEWITNESS = load("tessera_log.json"), load("litewitness.json")


def is_valid(kind: int, row: dict[str, Any]) -> bool:
    """Verify without the time and the form that the signature of a checkpoint has beside it."""
    key = VerifierKey("foreign", kind, bytes.fromhex(row["key"]))
    try:
        signatures._public_key(key).verify(
            bytes.fromhex(row["signature"]), bytes.fromhex(row["message"])
        )
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("row", load("ed25519.json"), ids=lambda row: str(row["id"]))
def test_a_signature_of_ed25519(row: dict[str, Any]) -> None:
    assert is_valid(ED25519, row) == (row["result"] == "valid")


@pytest.mark.parametrize("row", load("ml_dsa_44.json"), ids=lambda row: str(row["id"]))
def test_a_signature_of_ml_dsa_44(row: dict[str, Any]) -> None:
    assert is_valid(ML_DSA_44, row) == (row["result"] == "valid")


@pytest.mark.parametrize("size", TESSERA["checkpoints"])
def test_a_checkpoint_of_tessera(size: str) -> None:
    opened = open_note(TESSERA["checkpoints"][size].encode(), [parse_vkey(TESSERA["vkey"])])
    tree = GrowingTree()
    tree.add(leaf_hash(entry.encode()) for entry in TESSERA["entries"][: int(size)])
    assert Checkpoint.parse(opened.text) == Checkpoint(
        "example.com/log/testdata", int(size), tree.root()
    )


def test_a_tile_and_a_bundle_of_tessera() -> None:
    tile = bytes.fromhex(TESSERA["tiles"]["15"])
    entries = decode_bundle(bytes.fromhex(TESSERA["bundles"]["15"]))
    assert entries == [entry.encode() for entry in TESSERA["entries"]]
    assert split_hashes(tile) == bundle_hashes(entries)
    newest = open_note(TESSERA["checkpoints"]["15"].encode(), [parse_vkey(TESSERA["vkey"])])
    root = range_root(EntryRange(0, 15), {TileId(0, 0): tile})
    assert Checkpoint.parse(newest.text).root == root


def test_a_checkpoint_that_litewitness_accepts_with_ml_dsa_44() -> None:
    key = parse_vkey(LITEWITNESS["ml_dsa_44"]["vkey"])
    note = LITEWITNESS["ml_dsa_44"]["note"]
    assert open_note(note.encode(), [key]).signatures == {key: 0}
    with pytest.raises(SignatureWrong):
        open_note(note.replace("log\n1\n", "log\n2\n").encode(), [key])


def test_the_requests_of_litewitness_get_the_same_answers(tmp_path: Path) -> None:
    log = VerifierKey(LITEWITNESS["origin"], ED25519, bytes.fromhex(LITEWITNESS["public_key"]))
    state = CosignedCheckpoints(tmp_path / "state")
    keys = [new_signing_key("example.com/witness", ED25519_COSIGNATURE)]
    cosigner = Cosigner([log], keys, state)
    decisions = [
        cosigner.add_checkpoint(request["body"].encode()) for request in LITEWITNESS["requests"]
    ]
    state.close()
    assert [decision.status for decision in decisions] == [
        CHANGED_STATUS.get(number, request["status"])
        for number, request in enumerate(LITEWITNESS["requests"])
    ]
    assert [each.body for each in decisions if each.status == HTTPStatus.CONFLICT] == [
        b"3\n",
        b"5\n",
    ]


def counts() -> Iterator[int]:
    for name in ("inclusion", "consistency", "ed25519", "ml_dsa_44"):
        yield len(load(f"{name}.json"))
    yield len(TESSERA["checkpoints"])
    yield len(LITEWITNESS["requests"])


def test_there_are_many_vectors_of_others() -> None:
    assert sum(counts()) >= MIN_VECTORS
