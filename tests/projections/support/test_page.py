"""Cursors of pages are decoded only if they have the expected sort keys."""

from typing import Any

import pytest

from projections.support.page import (
    BadCursor,
    decode_cursor,
    encode_cursor,
    order_parser,
    parse_position_key,
)


@pytest.mark.parametrize("key", [True, False, -1, 1 << 63, 1.0, "1", None, [1]])
def test_a_position_key_is_a_non_negative_integer(key: Any) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(encode_cursor(key), parse_position_key)


def test_a_position_survives_a_cursor_round_trip() -> None:
    for value in (0, (1 << 63) - 1):
        assert decode_cursor(encode_cursor(value), parse_position_key) == [value]


@pytest.mark.parametrize("key", ["another", "", None, 1, ["one"]])
def test_a_cursor_of_another_order_is_refused(key: Any) -> None:
    assert decode_cursor(encode_cursor("one"), order_parser("one")) == ["one"]
    with pytest.raises(BadCursor):
        decode_cursor(encode_cursor(key), order_parser("one"))
