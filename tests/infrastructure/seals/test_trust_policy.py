import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.seals.policy_file import parse_policy
from infrastructure.seals.signatures import (
    ED25519_COSIGNATURE,
    ML_DSA_44,
    SignatureWrong,
    new_signing_key,
)
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import NoteUnsigned, add_signatures, sign_note, sign_text
from infrastructure.seals.trust_policy import PolicyNotSatisfied, TrustPolicy

LOG = new_signing_key("log.example/a")
X = [new_signing_key(f"x{number}.example", ED25519_COSIGNATURE) for number in (1, 2, 3)]
Y = [new_signing_key(f"y{number}.example", ML_DSA_44) for number in (1, 2, 3)]
CHECKPOINT = Checkpoint("log.example/a", 7, bytes(range(32)))
NOW = 1_790_000_000


def example_of_the_specification(*, log: str = f"log {LOG.verifier}") -> TrustPolicy:
    lines = [log]
    for kind, keys in (("X", X), ("Y", Y)):
        lines += [
            f"witness {kind}{number} {key.verifier}" for number, key in enumerate(keys, start=1)
        ]
    lines += [
        "group X-witnesses 2 X1 X2 X3",
        "group Y-witnesses any Y1 Y2 Y3",
        "group X-and-Y all X-witnesses Y-witnesses",
        "quorum X-and-Y",
    ]
    return parse_policy("\n".join(lines).encode())


POLICY = example_of_the_specification()


def test_a_quorum_of_groups_is_counted() -> None:
    for signed in itertools.chain.from_iterable(
        itertools.combinations([*X, *Y], count) for count in range(7)
    ):
        enough = sum(key in signed for key in X) >= 2 and any(key in signed for key in Y)
        assert POLICY.is_satisfied(key.verifier for key in signed) == enough


def test_a_note_with_enough_signatures_is_verified() -> None:
    note = sign_note(CHECKPOINT.text(), [LOG, X[0], X[2], Y[1]], NOW)
    found = POLICY.verify(note)
    assert found.checkpoint == CHECKPOINT
    assert found.log_keys == (LOG.verifier,)
    assert {witness.name: time for witness, time in found.cosigned.items()} == {
        "X1": NOW,
        "X3": NOW,
        "Y2": NOW,
    }


@pytest.mark.parametrize("signers", [[LOG], [LOG, X[0], Y[0]], [LOG, *X], [LOG, *Y]])
def test_too_few_signatures_are_refused(signers: list[object]) -> None:
    note = sign_note(CHECKPOINT.text(), signers, NOW)  # type: ignore[arg-type]  # all are keys
    with pytest.raises(PolicyNotSatisfied, match="the policy requires the quorum `X-and-Y`"):
        POLICY.verify(note)


def test_witnesses_do_not_replace_the_log() -> None:
    note = sign_note(CHECKPOINT.text(), [*X, *Y], NOW)
    with pytest.raises(PolicyNotSatisfied, match="not signed by a log of the policy"):
        POLICY.verify(note)


def test_a_log_signs_for_its_own_origin_only() -> None:
    other = Checkpoint("log.example/b", 7, bytes(32))
    with pytest.raises(PolicyNotSatisfied, match=r"log\.example/b is not signed by a log"):
        POLICY.verify(sign_note(other.text(), [LOG, *X, *Y], NOW))


def test_a_witness_with_the_name_of_the_log_is_no_log() -> None:
    impostor = new_signing_key("log.example/a", ED25519_COSIGNATURE)
    policy = parse_policy(f"log {LOG.verifier}\nwitness w {impostor.verifier}\nquorum w\n".encode())
    with pytest.raises(PolicyNotSatisfied, match="not signed by a log"):
        policy.verify(sign_note(CHECKPOINT.text(), [impostor], NOW))


def test_a_policy_without_logs_takes_keys_from_elsewhere() -> None:
    policy = example_of_the_specification(log="")
    note = sign_note(CHECKPOINT.text(), [LOG, *X, *Y], NOW)
    assert policy.verify(note, [LOG.verifier]).log_keys == (LOG.verifier,)
    with pytest.raises(PolicyNotSatisfied):
        policy.verify(note)


def test_a_signature_without_a_time_does_not_count() -> None:
    note = sign_note(CHECKPOINT.text(), [LOG, X[0], X[1]], NOW)
    timeless = sign_text(CHECKPOINT.text(), Y[0], 0)
    with pytest.raises(PolicyNotSatisfied):
        POLICY.verify(add_signatures(note, [timeless]))


def test_a_time_that_no_clock_can_show_does_not_count() -> None:
    policy = parse_policy(f"log {LOG.verifier}\nwitness w {X[0].verifier}\nquorum w\n".encode())
    note = sign_note(CHECKPOINT.text(), [LOG, X[0]], 2**63)
    with pytest.raises(PolicyNotSatisfied):
        policy.verify(note)
    assert policy.verify(sign_note(CHECKPOINT.text(), [LOG, X[0]], 2**63 - 1)).cosigned


def test_a_wrong_signature_of_a_witness_refuses_the_note() -> None:
    note = sign_note(CHECKPOINT.text(), [LOG, *X, Y[0]], NOW)
    line = sign_text(b"something else\n", X[1], NOW)
    with pytest.raises(SignatureWrong):
        POLICY.verify(add_signatures(note, [line]))


def test_a_note_of_strangers_is_refused() -> None:
    with pytest.raises(NoteUnsigned):
        POLICY.verify(sign_note(CHECKPOINT.text(), [new_signing_key("log.example/a")], NOW))


@given(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_more_signatures_never_make_a_quorum_fail(some: set[int], more: set[int]) -> None:
    keys = [key.verifier for key in (*X, *Y)]
    if POLICY.is_satisfied(keys[index] for index in some):
        assert POLICY.is_satisfied(keys[index] for index in some | more)
