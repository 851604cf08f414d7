from typing import Any

import pytest

from projections.support.page import BadCursor, cursor_after, keys_of, only, position


@pytest.mark.parametrize("key", [True, False, -1, 1 << 63, 1.0, "1", None, [1]])
def test_a_position_is_a_whole_number_and_no_truth(key: Any) -> None:
    with pytest.raises(BadCursor):
        keys_of(cursor_after(key), position)


def test_a_position_comes_back() -> None:
    for at in (0, (1 << 63) - 1):
        assert keys_of(cursor_after(at), position) == [at]


@pytest.mark.parametrize("key", ["another", "", None, 1, ["one"]])
def test_a_cursor_of_another_list_is_refused(key: Any) -> None:
    assert keys_of(cursor_after("one"), only("one")) == ["one"]
    with pytest.raises(BadCursor):
        keys_of(cursor_after(key), only("one"))
