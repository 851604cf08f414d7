"""A file that is no receipt is refused with a reason; it is never an unexpected error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.seals.receipts.receipt_file import (
    FORMAT,
    MAX_RECEIPT_BYTES,
    ReceiptMalformed,
    parse_receipt,
)
from infrastructure.seals.receipts.verify_receipt import ReceiptInvalid, verify_receipt
from tests.infrastructure.seals.receipts.made_receipts import make_receipt

DOCUMENT: dict[str, Any] = json.loads(make_receipt().encode())

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no JSON in UTF-8"),
        (b"\xff\xfe{}", "no JSON in UTF-8"),
        (b"[" * 100_000, "no JSON in UTF-8"),
        (b'"\\ud800"', "no JSON in UTF-8"),
        (b"9" * 5000, "no JSON in UTF-8"),
        (b"[]", "no member `format`"),
        (b'{"format":"other"}', FORMAT),
        (b'{"a":1,"a":1}', "a member occurs twice"),
        (b'{"a":NaN}', "NaN is no number"),
        (b" " * (MAX_RECEIPT_BYTES + 1), "at most 1,000,000 bytes"),
    ],
)
def test_another_file_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ReceiptMalformed, match=reason):
        parse_receipt(data)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "AAAA="}, "`state` is not base64"),
        ({"entry": "AB=="}, "`entry` is not base64"),
        ({"vkeys": [1]}, "list of at most 100 texts"),
        ({"vkeys": ["a"] * 101}, "list of at most 100 texts"),
        ({"connection_number": True}, "no member `connection_number` of the right type"),
        ({"more": 1}, "`more` that is not of this format"),
        ({"opening": {"salt": ""}}, "`opening` has no member `plaintext`"),
    ],
)
def test_a_member_of_another_form_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ReceiptMalformed, match=reason):
        parse_receipt(json.dumps(DOCUMENT | change).encode())


@given(name=st.sampled_from(sorted(DOCUMENT)), value=json_values)
def test_any_other_value_of_a_member_is_refused(name: str, value: object) -> None:
    if json.dumps(value) == json.dumps(DOCUMENT[name]):
        return
    with pytest.raises((ReceiptMalformed, ReceiptInvalid)):
        verify_receipt(parse_receipt(json.dumps(DOCUMENT | {name: value}).encode()))


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ReceiptMalformed):
        parse_receipt(data)


def test_a_receipt_may_be_formatted_in_another_way() -> None:
    text = json.dumps(DOCUMENT, sort_keys=True)
    assert verify_receipt(parse_receipt(text.encode()))
