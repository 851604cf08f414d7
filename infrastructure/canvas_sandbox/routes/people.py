"""The student themself."""

from infrastructure.canvas_sandbox.paginators import ordinal
from infrastructure.canvas_sandbox.serializers import person
from infrastructure.canvas_sandbox.student_request import Reply, Visit


def user(visit: Visit, user: str) -> Reply:
    """`GET /users/self`: the cheapest way to try a token."""
    visit.me(user)
    return Reply(person.user(visit.student.person, visit.domain))


def profile(visit: Visit, user: str) -> Reply:
    """`GET /users/self/profile`."""
    visit.me(user)
    return Reply(person.profile(visit.student.person, visit.domain))


def colors(visit: Visit, user: str) -> Reply:
    """`GET /users/self/colors`."""
    visit.me(user)
    codes = {
        f"course_{course.id}": f"#{person.opaque('colour', course.id, length=6)}"
        for course in visit.campus.enrolled(visit.student)
    }
    return Reply({"custom_colors": codes})


def nicknames(visit: Visit, user: str) -> Reply:
    """`GET /users/self/course_nicknames`."""
    visit.me(user)
    enrollments = visit.student.enrollments
    named = [item for item in visit.campus.enrolled(visit.student) if enrollments[item.id].nickname]
    page = ordinal(visit.asked, named)
    shown = [
        {"course_id": item.id, "name": item.name, "nickname": enrollments[item.id].nickname}
        for item in page.items
    ]
    return Reply(shown, page.link)
