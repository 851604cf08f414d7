import pytest

from infrastructure.seals.merkle import ProofInvalid, leaf_hash, node_hash
from infrastructure.seals.signatures import (
    ED25519,
    ED25519_COSIGNATURE,
    ML_DSA_44,
    KeyMalformed,
    SignatureWrong,
    new_signing_key,
    parse_vkey,
    signing_key,
)
from infrastructure.seals.signed_checkpoint import Checkpoint, CheckpointMalformed
from infrastructure.seals.signed_note import (
    NoteMalformed,
    NoteUnsigned,
    add_signatures,
    open_note,
    parse_signature_lines,
    sign_note,
    sign_text,
    split_note,
)
from infrastructure.seals.tlog_proof import TlogProof, TlogProofMalformed

LOG = "school.example/easeboard/1"
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = """This is an example message.

\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""  # noqa: E501  # a line of the specification
"""The example of the specification c2sp.org/signed-note."""


def test_the_example_of_the_specification_is_opened() -> None:
    key = parse_vkey(EXAMPLE_KEY)
    assert str(key) == EXAMPLE_KEY
    opened = open_note(EXAMPLE_NOTE.encode(), [key])
    assert opened.text == b"This is an example message.\n"
    with pytest.raises(SignatureWrong):
        open_note(EXAMPLE_NOTE.replace("example m", "other m").encode(), [key])


@pytest.mark.parametrize("kind", [ED25519, ED25519_COSIGNATURE, ML_DSA_44])
def test_a_checkpoint_is_signed_in_every_way(kind: int) -> None:
    key = new_signing_key(LOG, kind)
    text = Checkpoint(LOG, 1, leaf_hash(b"entry")).text()
    note = sign_note(text, [signing_key(LOG, kind, key.private_bytes())], 1_700_000_000)
    opened = open_note(note, [parse_vkey(str(key.verifier))])
    assert opened.text == text
    assert opened.signatures == {key.verifier: None if kind == ED25519 else 1_700_000_000}
    other = Checkpoint(LOG, 2, leaf_hash(b"entry")).text()
    with pytest.raises(SignatureWrong):
        open_note(note.replace(text, other), [key.verifier])
    with pytest.raises(NoteUnsigned):
        open_note(note, [new_signing_key(LOG).verifier])


def test_a_signature_is_added_once() -> None:
    witness = new_signing_key("witness.example", ED25519_COSIGNATURE)
    text = Checkpoint(LOG, 1, leaf_hash(b"entry")).text()
    note = sign_note(text, [new_signing_key(LOG)], 0)
    line = sign_text(text, witness, 1_700_000_000)
    twice = add_signatures(add_signatures(note, [line]), [line])
    assert len(split_note(twice)[1]) == 2
    assert open_note(twice, [witness.verifier]).signatures == {witness.verifier: 1_700_000_000}


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nname AAAAAAAA\n",
        "text\n\n\u2014 name AAAAAAAA".encode(),
        "text\n\n\u2014 name %%%%\n".encode(),
        "text\n\n\u2014 name AAAA\n".encode(),
        "te\txt\n\n\u2014 name AAAAAAAA\n".encode(),
        b"\xff\n\n\xe2\x80\x94 name AAAAAAAA\n",
    ],
)
def test_what_is_no_note_is_refused(note: bytes) -> None:
    with pytest.raises(NoteMalformed):
        split_note(note)


@pytest.mark.parametrize(
    "text", ["", "name", "name+00000000+AAAA", EXAMPLE_KEY.replace("3a", "3b")]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyMalformed):
        parse_vkey(text)


@pytest.mark.parametrize(
    "text", ["", "log\n1\n", "log\n01\nAAAA\n", "log\n-1\nAAAA\n", "log\n1\nAA\n"]
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointMalformed):
        Checkpoint.parse(text.encode())


def test_a_proof_is_written_and_read() -> None:
    key = new_signing_key(LOG)
    leaf, sibling = leaf_hash(b"entry"), leaf_hash(b"other")
    root = node_hash(sibling, leaf)
    note = sign_note(Checkpoint(LOG, 2, root).text(), [key], 0)
    proof = TlogProof.parse(TlogProof(1, [sibling], note, b"more").text())
    assert proof == TlogProof(1, [sibling], note, b"more")
    checkpoint, _ = proof.verify(b"entry", [key.verifier])
    assert checkpoint.size == 2
    with pytest.raises(ProofInvalid):
        proof.verify(b"changed", [key.verifier])


@pytest.mark.parametrize(
    "text", [b"", b"c2sp.org/tlog-proof@v1\n\nnote", b"c2sp.org/tlog-proof@v1\nindex 01\n\nnote"]
)
def test_what_is_no_proof_is_refused(text: bytes) -> None:
    with pytest.raises(TlogProofMalformed):
        TlogProof.parse(text)


@pytest.mark.parametrize(
    "line",
    [
        "\u2014 a AAAAAAAA=",
        "\u2014 a AAAAAAA",
        "\u2014 a\u00a0b AAAAAAAA",
        "\u2014 a+b AAAAAAAA",
        "\u2014  AAAAAAAA",
    ],
)
def test_a_line_that_go_refuses_is_no_signature(line: str) -> None:
    with pytest.raises(NoteMalformed):
        parse_signature_lines(f"{line}\n")
