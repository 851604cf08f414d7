"""The totals of a course that documents show: rounded, and none while Canvas hides them."""

from typing import Any

from domain.canvas import Course
from projections.support.rounded_numbers import round_score

NO_TOTALS: dict[str, Any] = {
    "current_score": None,
    "current_grade": None,
    "final_score": None,
    "final_grade": None,
}


def shown_totals(course: Course) -> dict[str, Any]:
    """Return the members `current_score`, `current_grade`, `final_score` and `final_grade`."""
    if course["grades_hidden"]:
        return NO_TOTALS
    return {
        "current_score": round_score(course["current_score"]),
        "current_grade": course["current_grade"],
        "final_score": round_score(course["final_score"]),
        "final_grade": course["final_grade"],
    }
