"""Every screen of the console: who uses it, its address and its heading."""

from typing import NamedTuple

from tests.browser.demo_client import DemoClient


class Screen(NamedTuple):
    """A screen; `{connection}`, `{course}` and `{change}` in its address stand for ids."""

    role: str
    fragment: str
    heading: str | None
    """None: the heading is the name of what the screen shows."""

    @property
    def name(self) -> str:
        """A name for files and tests, such as `student-courses`."""
        words = self.fragment.removeprefix("#/").partition("?")[0].split("/")
        return "-".join(word.strip("{}") for word in words)


SCREENS = (
    Screen("student", "#/student", "Overview"),
    Screen("student", "#/student/courses", "Courses"),
    Screen("student", "#/student/courses/{course}?change={change}", None),
    Screen("student", "#/student/assignments", "Assignments"),
    Screen("student", "#/student/grades", "Grade history"),
    Screen("student", "#/student/connections", "Canvas accounts"),
    Screen("student", "#/student/privacy", "Your data"),
    Screen("student", "#/desk", "Teacher's desk"),
    Screen("auditor", "#/auditor", "Connections"),
    Screen("auditor", "#/auditor/connection/{connection}", "What the student saw"),
    Screen("auditor", "#/auditor/events/{connection}", "Events"),
    Screen("auditor", "#/auditor/readings", "Who read what"),
    Screen("auditor", "#/auditor/proofs?connection={connection}", "Was anything tampered with?"),
    Screen("admin", "#/admin", "What is wrong"),
    Screen("admin", "#/admin/connections", "Connections"),
    Screen("admin", "#/admin/hosts", "Canvas hosts"),
    Screen("admin", "#/admin/runs", "Runs"),
    Screen("admin", "#/admin/workers", "Processes"),
    Screen("admin", "#/admin/projections", "Read models"),
    Screen("admin", "#/admin/schedule", "Next 24 hours"),
    Screen("admin", "#/admin/people", "Erase a person"),
    Screen("admin", "#/admin/runbook/a-canvas-host-does-not-answer", "Runbook"),
)


async def ids_for_addresses(client: DemoClient) -> dict[str, str]:
    """Return an id for each name in braces."""
    connection = await client.make_healthy()
    change = await client.newest_change()
    return {
        "connection": connection["id"],
        "course": change["course_id"],
        "change": change["id"],
    }
