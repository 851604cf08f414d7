"""Times in query parameters are RFC 3339 or a date, in the ways in which clients send them."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from interfaces.http.schemas.query_parameters import AssignmentStatuses, UtcTime

TIME: TypeAdapter[datetime] = TypeAdapter(UtcTime)
STATUSES: TypeAdapter[str | None] = TypeAdapter(AssignmentStatuses)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2026-09-01", datetime(2026, 9, 1, tzinfo=UTC)),
        (" 2026-09-01\n", datetime(2026, 9, 1, tzinfo=UTC)),
        ("2026-09-01T05:59:59Z", datetime(2026, 9, 1, 5, 59, 59, tzinfo=UTC)),
        ("2026-09-01t05:59:59.5z", datetime(2026, 9, 1, 5, 59, 59, 500000, tzinfo=UTC)),
        ("2026-09-01 05:59:59Z", datetime(2026, 9, 1, 5, 59, 59, tzinfo=UTC)),
        ("2026-09-01T05:59:59-02:00", datetime(2026, 9, 1, 7, 59, 59, tzinfo=UTC)),
        ("2026-09-01T05:59:59+02:00", datetime(2026, 9, 1, 3, 59, 59, tzinfo=UTC)),
        # A `+` that was not encoded in the query string arrives as a space.
        ("2026-09-01T05:59:59 02:00", datetime(2026, 9, 1, 3, 59, 59, tzinfo=UTC)),
        ("2026-09-01 05:59:59 02:00", datetime(2026, 9, 1, 3, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_date_or_rfc_3339(sent: str, meant: datetime) -> None:
    assert TIME.validate_python(sent) == meant
    assert TIME.validate_python(sent).tzinfo is UTC


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "today",
        "2026",
        "2026-09",
        "20260901",
        "2026-09-1",
        "01.09.2026",
        "2026-09-01T05:59:59",
        "2026-09-01 05:59:59",
        "2026-09-01T05:59Z",
        "2026-09-01T",
        "2026-09-01Z",
        "2026-13-01",
        "2026-02-29",
        "0000-01-01",
        "2026-09-01T24:00:01Z",
        "0001-01-01",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00+00:01",
        "9999-01-01T00:00:00.000001Z",
        "9999-01-01T00:00:00-00:01",
        "9999-12-31T23:59:59-14:00",
        "1756706400",
        "\u0662026-09-01",
    ],
)
def test_any_other_text_is_refused(sent: str) -> None:
    with pytest.raises(ValidationError):
        TIME.validate_python(sent)


@given(st.dates(date(1970, 1, 1), date(9999, 1, 1)))
def test_a_date_is_the_start_of_its_day_in_utc(day: date) -> None:
    assert TIME.validate_python(day.isoformat()) == datetime.combine(day, datetime.min.time(), UTC)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=OFFSETS),  # noqa: DTZ001  # the strategy adds the zone
    st.booleans(),
)
def test_every_time_is_read_as_it_was_written(time: datetime, is_encoded: bool) -> None:  # noqa: FBT001  # a generated value
    text = time.isoformat()
    assert TIME.validate_python(text if is_encoded else text.replace("+", " ")) == time


@given(st.text())
def test_no_text_makes_the_parser_fail(text: str) -> None:
    with suppress(ValidationError):
        assert TIME.validate_python(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("sent", "meant"), [("past", "past"), (" past ,late,late", "late,past"), (None, None)]
)
def test_statuses_are_separated_by_commas(sent: Any, meant: str | None) -> None:
    assert STATUSES.validate_python(sent) == meant


@pytest.mark.parametrize("sent", ["", ",", "past,", "past;late", "PAST", "none"])
def test_other_statuses_are_refused(sent: str) -> None:
    with pytest.raises(ValidationError, match="past"):
        STATUSES.validate_python(sent)
