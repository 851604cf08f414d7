"""The differences to earlier releases that the API made on purpose, each with its reason.

An entry is for one release and one member, such as `assignments[].status`. It allows only the
change that is meant. A release recorded after the change needs no entry.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.replay.differences import AllowedDifference


def _is_rounded(digits: int) -> Callable[[Any, Any], bool]:
    """Return whether a number is the number before, rounded to so many digits."""

    def is_rounded(before: Any, now: Any) -> bool:
        is_near = abs(before - now) <= 0.500001 * 10**-digits
        return bool(is_near and round(now, digits) == now)

    return is_rounded


def _is_past(before: Any, now: Any) -> bool:
    return (before, now) == ("overdue", "past")


def _is_without_query(before: Any, now: Any) -> bool:
    return bool(urlsplit(before)._replace(query="", fragment="").geturl() == now)


def _is_less(before: Any, now: Any) -> bool:
    return bool(now < before)


def _is_more(before: Any, now: Any) -> bool:
    return bool(now > before)


ALLOWED_DIFFERENCES: dict[str, dict[str, AllowedDifference]] = {
    "0.1.0-2026-11-26": {
        "assignments[].status": AllowedDifference(
            "After its due date, an assignment with nothing to hand in online is past.", _is_past
        ),
        "dashboard[].assignments.overdue": AllowedDifference(
            "An assignment that is past is not counted as overdue.", _is_less
        ),
        "dashboard[].assignments.missing": AllowedDifference(
            "What Canvas flags as missing is counted whatever its status.", _is_more
        ),
        "dashboard[].grades.average_score": AllowedDifference(
            "Scores have two digits.", _is_rounded(2)
        ),
        "dashboard[].completion_rate": AllowedDifference("Rates have four digits.", _is_rounded(4)),
        "courses[].image_url": AllowedDifference(
            "The signature in the query of an address of Canvas expires.", _is_without_query
        ),
    },
    "0.1.0-2026-11-27": {},
}
