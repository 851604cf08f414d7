from collections.abc import Iterator
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infrastructure.seals.add_checkpoint import SIZE_MEDIA_TYPE, AddCheckpoint
from infrastructure.seals.merkle import EMPTY_ROOT
from infrastructure.seals.signatures import (
    ED25519_COSIGNATURE,
    ML_DSA_44,
    SigningKey,
    new_signing_key,
    parse_vkey,
)
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import add_signatures, open_note, sign_note, sign_text
from infrastructure.seals.witness.cosigned_checkpoints import CosignedCheckpoints
from infrastructure.seals.witness.cosigner import Cosigner
from tests.infrastructure.seals.small_log import NOW, SmallLog

LOG = SmallLog()
REWRITTEN = SmallLog(seed=b"another past ", keys=LOG.keys)
KEYS = [
    new_signing_key("witness.example", ED25519_COSIGNATURE),
    new_signing_key("witness.example", ML_DSA_44),
]
LATER = NOW + 60


@pytest.fixture
def state(tmp_path: Path) -> Iterator[CosignedCheckpoints]:
    opened = CosignedCheckpoints(tmp_path / "state")
    yield opened
    opened.close()


@pytest.fixture
def cosigner(state: CosignedCheckpoints) -> Cosigner:
    return witness_of([LOG], state)


def witness_of(
    logs: list[SmallLog], state: CosignedCheckpoints, keys: list[SigningKey] | None = None
) -> Cosigner:
    vkeys = [parse_vkey(vkey) for log in logs for vkey in log.vkeys]
    return Cosigner(vkeys, keys or KEYS, state, lambda: LATER)


def origin_hash(log: SmallLog) -> str:

    return sha256(log.origin.encode()).hexdigest()


def test_a_checkpoint_is_cosigned_with_each_key(cosigner: Cosigner) -> None:
    decision = cosigner.add_checkpoint(LOG.body(0, 5))
    assert decision.status == HTTPStatus.OK
    note = LOG.checkpoint(5) + decision.body
    opened = open_note(note, [key.verifier for key in KEYS])
    assert opened.signatures == {key.verifier: LATER for key in KEYS}


def test_the_newest_checkpoint_is_served_with_both_signatures(cosigner: Cosigner) -> None:
    stranger = new_signing_key("stranger.example")
    note = LOG.checkpoint(5)
    text = note.partition(b"\n\n")[0] + b"\n"
    noisy = add_signatures(note, [sign_text(text, stranger, NOW)])
    decision = cosigner.add_checkpoint(AddCheckpoint(0, [], noisy).body())
    assert cosigner.newest_checkpoint(origin_hash(LOG)).body == note + decision.body
    assert cosigner.newest_checkpoint("0" * 64).status == HTTPStatus.NOT_FOUND


def test_nothing_is_served_of_a_log_without_checkpoints(cosigner: Cosigner) -> None:
    assert cosigner.newest_checkpoint(origin_hash(LOG)).status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("sizes", [(1, 2), (1, 40), (7, 8), (8, 40), (13, 13), (39, 40)])
def test_a_checkpoint_that_continues_the_last_one_is_cosigned(
    cosigner: Cosigner, sizes: tuple[int, int]
) -> None:
    old_size, size = sizes
    assert cosigner.add_checkpoint(LOG.body(0, old_size)).status == HTTPStatus.OK
    assert cosigner.add_checkpoint(LOG.body(old_size, size)).status == HTTPStatus.OK


def test_the_empty_tree_is_cosigned_only_with_its_root(cosigner: Cosigner) -> None:
    wrong = sign_note(Checkpoint(LOG.origin, 0, bytes(32)).text(), LOG.keys, NOW)
    request = AddCheckpoint(0, [], wrong)
    assert cosigner.add_checkpoint(request.body()).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert LOG.root(0) == EMPTY_ROOT
    assert cosigner.add_checkpoint(LOG.body(0, 0)).status == HTTPStatus.OK


def test_another_old_size_is_answered_with_the_right_one(cosigner: Cosigner) -> None:
    assert cosigner.add_checkpoint(LOG.body(0, 21)).status == HTTPStatus.OK
    for old_size in (0, 20, 22):
        decision = cosigner.add_checkpoint(LOG.body(old_size, 30))
        assert (decision.status, decision.body, decision.media_type) == (
            HTTPStatus.CONFLICT,
            b"21\n",
            SIZE_MEDIA_TYPE,
        )


def test_a_smaller_checkpoint_is_never_cosigned(cosigner: Cosigner) -> None:
    assert cosigner.add_checkpoint(LOG.body(0, 21)).status == HTTPStatus.OK
    decision = cosigner.add_checkpoint(LOG.body(0, 20))
    assert (decision.status, decision.body) == (HTTPStatus.CONFLICT, b"21\n")
    backwards = AddCheckpoint(21, [], LOG.checkpoint(20))
    assert cosigner.add_checkpoint(backwards.body()).status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("size", [21, 22, 40])
def test_another_past_is_never_cosigned(cosigner: Cosigner, size: int) -> None:
    assert cosigner.add_checkpoint(LOG.body(0, 21)).status == HTTPStatus.OK
    decision = cosigner.add_checkpoint(REWRITTEN.body(21, size))
    assert decision.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert cosigner.add_checkpoint(LOG.body(21, 22)).status == HTTPStatus.OK


@pytest.mark.parametrize("proof", [[bytes(32)], LOG.proof(5, 21)])
def test_a_proof_that_is_not_needed_is_refused(cosigner: Cosigner, proof: list[bytes]) -> None:
    request = AddCheckpoint(0, proof, LOG.checkpoint(21))
    assert cosigner.add_checkpoint(request.body()).status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_proof_with_a_flipped_bit_is_refused(cosigner: Cosigner) -> None:
    assert cosigner.add_checkpoint(LOG.body(0, 21)).status == HTTPStatus.OK
    proof = LOG.proof(21, 40)
    for index, each in enumerate(proof):
        flipped = [*proof[:index], bytes([each[0] ^ 1]) + each[1:], *proof[index + 1 :]]
        request = AddCheckpoint(21, flipped, LOG.checkpoint(40))
        assert cosigner.add_checkpoint(request.body()).status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_an_unknown_log_is_not_found(cosigner: Cosigner) -> None:
    other = SmallLog(origin="log.example/b")
    assert cosigner.add_checkpoint(other.body(0, 1)).status == HTTPStatus.NOT_FOUND


def test_a_log_must_have_signed_with_a_known_key(cosigner: Cosigner) -> None:
    impostor = SmallLog(keys=[new_signing_key(LOG.origin)])
    assert cosigner.add_checkpoint(impostor.body(0, 1)).status == HTTPStatus.FORBIDDEN


def test_a_wrong_signature_of_a_known_key_is_refused(cosigner: Cosigner) -> None:
    head, _, line = LOG.checkpoint(3).rpartition(b"\n\n")
    other_line = LOG.checkpoint(4).rpartition(b"\n\n")[2]
    for note in (head + b"\n\n" + other_line, head + b"\n\n" + line + other_line):
        request = AddCheckpoint(0, [], note)
        assert cosigner.add_checkpoint(request.body()).status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"x",
        b"log.example/a\n1\n",
        b"a\n\n",
        b"log.example/a\n1\nx\n\n\xe2\x80\x94 a AAAAAAA=\n",
    ],
)
def test_what_is_no_checkpoint_is_a_bad_request(cosigner: Cosigner, note: bytes) -> None:
    assert cosigner.add_checkpoint(b"old 0\n\n" + note).status == HTTPStatus.BAD_REQUEST


def test_a_log_may_have_two_keys(state: CosignedCheckpoints) -> None:
    both = [new_signing_key("log.example/a"), new_signing_key("log.example/a", ML_DSA_44)]
    log = SmallLog(keys=both)
    cosigner = witness_of([log], state)
    assert cosigner.add_checkpoint(log.body(0, 3)).status == HTTPStatus.OK
    one = SmallLog(keys=both[1:])
    assert cosigner.add_checkpoint(one.body(3, 4)).status == HTTPStatus.OK


def test_each_log_has_a_state_of_its_own(state: CosignedCheckpoints) -> None:
    other = SmallLog(seed=b"b", origin="log.example/b")
    cosigner = witness_of([LOG, other], state)
    assert cosigner.add_checkpoint(LOG.body(0, 9)).status == HTTPStatus.OK
    assert cosigner.add_checkpoint(other.body(0, 4)).status == HTTPStatus.OK
    assert cosigner.add_checkpoint(LOG.body(9, 12)).status == HTTPStatus.OK


def test_the_state_outlives_the_process(tmp_path: Path) -> None:
    first = CosignedCheckpoints(tmp_path / "state")
    assert witness_of([LOG], first).add_checkpoint(LOG.body(0, 21)).status == HTTPStatus.OK
    first.close()
    second = CosignedCheckpoints(tmp_path / "state")
    assert witness_of([LOG], second).add_checkpoint(LOG.body(0, 20)).body == b"21\n"
    second.close()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.booleans()), max_size=12))
def test_what_is_cosigned_is_one_growing_tree(
    tmp_path: Path, attempts: list[tuple[int, int, bool]]
) -> None:
    (tmp_path / "state").unlink(missing_ok=True)
    state = CosignedCheckpoints(tmp_path / "state")
    cosigner = witness_of([LOG], state, KEYS[:1])
    cosigned: list[tuple[int, bytes]] = []
    for old_size, size, is_rewritten in attempts:
        log = REWRITTEN if is_rewritten else LOG
        if cosigner.add_checkpoint(log.body(old_size, size)).status == HTTPStatus.OK:
            cosigned.append((size, log.root(size)))
    state.close()
    assert [size for size, _ in cosigned] == sorted(size for size, _ in cosigned)
    pasts = {root == LOG.root(size) for size, root in cosigned if size}
    assert len(pasts) <= 1
