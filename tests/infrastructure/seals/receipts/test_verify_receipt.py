"""A receipt proves one grade, with the key of its log; nothing in it can be changed."""

import pytest

from infrastructure.seals.merkle import ProofInvalid
from infrastructure.seals.policy_file import parse_policy
from infrastructure.seals.receipts.receipt_file import parse_receipt
from infrastructure.seals.receipts.verify_receipt import ReceiptInvalid, verify_receipt
from tests.infrastructure.seals.receipts.made_receipts import (
    COSIGNED_AT,
    LATER_LOG,
    LOG,
    ORIGIN,
    OTHER_WITNESS,
    STRANGER,
    WITNESS,
    make_receipt,
)

POLICY = parse_policy(
    f"log {LOG.verifier}\nwitness one {WITNESS.verifier}\nwitness two {OTHER_WITNESS.verifier}\n"
    "group both all one two\nquorum both\n".encode()
)


@pytest.mark.parametrize(("size", "index"), [(1, 0), (2, 1), (7, 6), (8, 0), (300, 255)])
def test_a_receipt_proves_its_grade_with_the_key_of_the_log(size: int, index: int) -> None:
    receipt = make_receipt(size=size, index=index)
    verified = verify_receipt(receipt, [STRANGER.verifier, LOG.verifier])
    assert verified.is_trusted
    assert (verified.checkpoint.origin, verified.checkpoint.size) == (ORIGIN, size)
    assert verified.entry_index == index
    assert verified.grade["current"] == {"score": 8.5, "grade": None}
    assert verified.grade["recorded_at"] == "2026-09-01T12:00:00Z"
    assert verified.no_later_than is None


def test_without_a_given_key_a_receipt_agrees_with_itself_only() -> None:
    receipt = make_receipt(LOG, WITNESS)
    verified = verify_receipt(receipt)
    assert not verified.is_trusted
    assert verified.no_later_than is None
    assert [each.is_trusted for each in verified.signatures] == [False, False]


def test_a_receipt_with_the_key_of_a_stranger_is_refused_when_the_key_is_given() -> None:
    forged = make_receipt(STRANGER)
    assert not verify_receipt(forged).is_trusted
    with pytest.raises(ReceiptInvalid, match="no given key of a log has signed"):
        verify_receipt(forged, [LOG.verifier])


def test_the_key_of_a_witness_alone_is_not_enough() -> None:
    with pytest.raises(ReceiptInvalid, match="no given key of a log has signed"):
        verify_receipt(make_receipt(LOG, WITNESS), [WITNESS.verifier])
    with pytest.raises(ReceiptInvalid, match="not signed by its log"):
        verify_receipt(make_receipt(WITNESS))


def test_witnesses_date_a_grade() -> None:
    receipt = make_receipt(LOG, LATER_LOG, WITNESS, OTHER_WITNESS)
    verified = verify_receipt(receipt, [LOG.verifier, WITNESS.verifier])
    assert verified.no_later_than == COSIGNED_AT
    assert {each.key: each.time for each in verified.signatures} == {
        LOG.verifier: None,
        LATER_LOG.verifier: COSIGNED_AT,
        WITNESS.verifier: COSIGNED_AT,
        OTHER_WITNESS.verifier: COSIGNED_AT,
    }


def test_the_time_of_the_log_itself_dates_nothing() -> None:
    receipt = make_receipt(LOG, LATER_LOG)
    assert verify_receipt(receipt, [LATER_LOG.verifier]).no_later_than is None


def test_the_quorum_of_a_policy_must_be_reached() -> None:
    enough = verify_receipt(make_receipt(LOG, WITNESS, OTHER_WITNESS), policy=POLICY)
    assert enough.is_trusted
    assert enough.no_later_than == COSIGNED_AT
    with pytest.raises(ReceiptInvalid, match="requires the quorum `both`"):
        verify_receipt(make_receipt(LOG, WITNESS), policy=POLICY)


def test_a_signature_of_an_unknown_key_is_refused() -> None:
    receipt = make_receipt(LOG, WITNESS)
    with pytest.raises(ReceiptInvalid, match=r"signature of witness\.example/w1 with an unknown"):
        verify_receipt(receipt._replace(vkeys=receipt.vkeys[:1]))


def test_a_key_that_has_not_signed_is_refused() -> None:
    receipt = make_receipt()
    for vkeys in ((*receipt.vkeys, str(WITNESS.verifier)), receipt.vkeys * 2):
        with pytest.raises(ReceiptInvalid, match="a key twice, or one that has not signed"):
            verify_receipt(receipt._replace(vkeys=vkeys))


def test_parts_of_different_receipts_do_not_belong_together() -> None:
    mine, other = make_receipt(), make_receipt(index=5, current={"score": 10.0, "grade": "A"})
    for part, reason in {
        "opening": "another salt or content",
        "state": "stored state is not the one of the entry",
        "entry": "stored state is not the one of the entry",
        "proof": "the proof leads to another root",
        "grade": "the member `grade`",
    }.items():
        with pytest.raises(ReceiptInvalid, match=reason):
            verify_receipt(mine._replace(**{part: getattr(other, part)}), [LOG.verifier])


def test_the_path_of_another_entry_is_refused() -> None:
    mine, other = make_receipt(), make_receipt(index=5)
    with pytest.raises(ReceiptInvalid, match="the proof is wrong") as error:
        verify_receipt(mine._replace(proof=other.proof))
    assert isinstance(error.value.__cause__, ProofInvalid)


@pytest.mark.parametrize("number", [0, 1, 10**4000])
def test_the_canvas_address_is_proven(number: int) -> None:
    with pytest.raises(ReceiptInvalid, match=r"Canvas address is not that|no grade"):
        verify_receipt(make_receipt()._replace(connection_number=number))


def test_another_event_than_a_grade_is_refused() -> None:
    with pytest.raises(ReceiptInvalid, match="no change of a grade"):
        verify_receipt(make_receipt(topic=b"TokenRejected"))


def test_equal_values_of_another_type_are_not_the_same() -> None:
    receipt = make_receipt()
    for name, value in (("baseline", 0), ("previous", {"score": 7, "grade": "C"})):
        with pytest.raises(ReceiptInvalid, match="the member `grade`"):
            verify_receipt(receipt._replace(grade=receipt.grade | {name: value}))


def test_the_file_of_a_receipt_is_read_as_it_was_written() -> None:
    receipt = make_receipt(LOG, LATER_LOG, WITNESS)
    assert parse_receipt(receipt.encode()) == receipt
    assert "Übung “5” 📐".encode() in receipt.encode()
