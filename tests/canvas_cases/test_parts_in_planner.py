"""What the planner shows of the parts of a discussion is seen by the next incremental run."""

from typing import Any

from aiohttp import web

from tests.canvas_cases.canvas_rows import (
    Row,
    assignment,
    at,
    course,
    enrollment,
    group,
    submission,
)
from tests.canvas_cases.conftest import ConnectedStudent, School
from tests.canvas_cases.literal_canvas import LiteralStudent, canvas_json

TAGS = ("reply_to_topic", "reply_to_entry")


class Discussion:
    """A discussion with a part that was due yesterday, and one that is due in two days."""

    def __init__(self) -> None:
        self.due = dict(zip(TAGS, (at(days=-1), at(days=2)), strict=True))
        self.scores: dict[str, float | None] = dict.fromkeys(TAGS)
        self.status: dict[str, Row] = {tag: {"submitted": False, "graded": False} for tag in TAGS}
        self.row = assignment(141, due_at=None, submission_types=["discussion_topic"])
        self.update()

    def update(self, **fields: Any) -> None:
        """Set what the list of assignments shows; `fields` are those of the whole submission."""
        parts = [{"tag": tag, "points_possible": 5.0, "due_at": self.due[tag]} for tag in TAGS]
        own = [{"sub_assignment_tag": tag, "score": self.scores[tag]} for tag in TAGS]
        self.row["checkpoints"] = parts
        self.row["submission"] = submission(sub_assignment_submissions=own, **fields)

    async def __call__(self, request: web.Request, _: LiteralStudent) -> web.Response | None:
        is_planner = request.path == "/api/v1/planner/items"
        return canvas_json([self._planner_item(tag) for tag in TAGS]) if is_planner else None

    def _planner_item(self, tag: str) -> Row:
        due_at = self.due[tag]
        return {
            "course_id": 14,
            "plannable_type": "sub_assignment",
            "plannable_date": due_at,
            "plannable": {"due_at": due_at, "points_possible": 5.0, "sub_assignment_tag": tag},
            "html_url": "/courses/14/assignments/141",
            "submissions": self.status[tag],
        }


async def parts_after_sync(student: ConnectedStudent) -> list[tuple[str, float | None]]:
    """Run two incremental syncs, of which the second finds nothing; return the parts."""
    assert (await student.sync())["mode"] == "incremental"
    assert (await student.sync())["requests"]["total"] == 3
    parts = (await student.view()).assignments["141"]["parts"]
    return [(part["status"], part["score"]) for part in parts]


async def test_a_part_that_is_submitted_graded_or_taken_back_is_seen(school: School) -> None:
    hidden = course(14, "Hides totals", enrollment(), hide_final_grades=True)
    discussion = Discussion()
    rows = {"14": [group(1, discussion.row)]}
    student = await school.connect(school.add([hidden], rows, hook=discussion))
    assert await parts_after_sync(student) == [("overdue", None), ("upcoming", None)]
    first = discussion.status["reply_to_topic"]
    first["submitted"] = True
    discussion.update(workflow_state="pending_review", submitted_at=at(hours=-1))
    assert await parts_after_sync(student) == [("submitted", None), ("upcoming", None)]
    first |= {"graded": True, "posted_at": None}
    assert await parts_after_sync(student) == [("submitted", None), ("upcoming", None)]
    discussion.scores["reply_to_topic"] = 4.0
    first["posted_at"] = at(hours=-1)
    discussion.update()
    assert await parts_after_sync(student) == [("graded", 4.0), ("upcoming", None)]
    discussion.scores["reply_to_topic"] = None
    first |= {"graded": False, "posted_at": None}
    discussion.update(workflow_state="pending_review", submitted_at=at(hours=-1))
    assert await parts_after_sync(student) == [("submitted", None), ("upcoming", None)]
