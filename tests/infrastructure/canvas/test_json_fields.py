from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.canvas.json_fields import (
    parse_count,
    parse_id,
    parse_number,
    parse_text,
    parse_time,
    parse_url,
)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2026-09-01T05:59:59Z", "2026-09-01T05:59:59Z"),
        ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"),
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"),
        ("2024-08-01T08:00:00-06:00", "2024-08-01T14:00:00Z"),
        ("2026-09-01T05:59:59.987Z", "2026-09-01T05:59:59Z"),
        ("2026-09-01T05:59:59+00:00", "2026-09-01T05:59:59Z"),
        ("2026-09-01T05:59:59", "2026-09-01T05:59:59Z"),
        ("2026-02-29T00:00:00Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-09-01T24:00:01Z", None),
        ("2026-09-01T00:00:60Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("\uff12\uff10\uff12\uff16-09-01T05:59:59Z", None),
        ("2026-09-01T05:59:59Z\n", None),
        ("soon", None),
        ("", None),
        (1_788_000_000, None),
        (None, None),
    ],
)
def test_a_time_is_stored_in_utc_to_the_second_or_dropped(written: Any, stored: str | None) -> None:
    assert parse_time(written) == stored


@settings(deadline=None)
@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001  # hypothesis adds the zone
    st.integers(-14 * 60, 14 * 60),
)
def test_a_time_with_any_offset_is_converted_to_utc(moment: datetime, minutes: int) -> None:
    local_time = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    parsed = parse_time(local_time.isoformat())
    assert parsed
    assert len(parsed) == len("2026-09-01T05:59:59Z")
    assert datetime.fromisoformat(parsed) == local_time.astimezone(UTC).replace(microsecond=0)


@pytest.mark.parametrize(
    ("given_id", "stored"),
    [
        ("77520000000029520", "77520000000029520"),
        (77520000000029521, "77520000000029521"),
        ("7752~29520", "7752~29520"),
        (0, "0"),
        (True, None),
        (-1, None),
        (1.0, None),
        ("", None),
        ("../../users/self", None),
        ("1/../2", None),
        ("1?x=", None),
        ("\uff11", None),
        ("1\n", None),
        ("1" * 21, None),
        (10**400, None),
        ({"id": 1}, None),
        (None, None),
    ],
)
def test_an_id_consists_of_digits_only(given_id: Any, stored: str | None) -> None:
    assert parse_id(given_id) == stored


@pytest.mark.parametrize(
    ("given_number", "stored"),
    [
        (10, 10.0),
        (9.5, 9.5),
        (0, 0.0),
        (True, None),
        ("10.0", 10.0),
        ("8", 8.0),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("1e400", None),
        ("NaN", None),
        ("Infinity", None),
        ("9,5", None),
        (" 8", None),
        ("8\n", None),
        ("8 points", None),
        ("0x10", None),
        ("1_000", None),
        ("\uff11", None),
        ("1" * 41, None),
        ("", None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        (None, None),
    ],
)
def test_a_number_must_be_finite(given_number: Any, stored: float | None) -> None:
    parsed = parse_number(given_number)
    assert parsed == stored
    assert parsed is None or isinstance(parsed, float)


@pytest.mark.parametrize(
    ("given_count", "stored"),
    [
        (3, 3),
        (0, 0),
        ("5", 5),
        (4.0, 4),
        ("6.0", 6),
        (3.5, None),
        ("three", None),
        (-1, None),
        (True, None),
        (2**31, None),
        (float("nan"), None),
        (None, None),
    ],
)
def test_a_count_is_a_whole_number_in_range(given_count: Any, stored: int | None) -> None:
    assert parse_count(given_count) == stored


def test_a_text_is_truncated_and_has_no_nul_characters() -> None:
    assert parse_text("Ωmega\0 \0") == "Ωmega "
    assert parse_text("x" * 1001) == "x" * 1000
    assert parse_text(7) is None


@pytest.mark.parametrize(
    ("given_url", "stored"),
    [
        ("https://canvas.example/1", "https://canvas.example/1"),
        ("http://canvas.example/1", "http://canvas.example/1"),
        ("javascript:alert(1)", None),
        ("/courses/1", None),
        ("https://" + "x" * 2000, None),
        (None, None),
    ],
)
def test_only_http_urls_of_limited_length_are_stored(given_url: Any, stored: str | None) -> None:
    assert parse_url(given_url) == stored
