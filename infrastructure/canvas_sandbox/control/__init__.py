"""The operations with which a test or a demo changes the sandbox while it runs.

Students are identified by their index, courses and assignments by their Canvas id (text or
number). An unknown id raises LookupError, an invalid value ValueError.
"""

from infrastructure.canvas_sandbox.control.course_operations import CourseOperations
from infrastructure.canvas_sandbox.control.grade_operations import GradeOperations
from infrastructure.canvas_sandbox.control.server_operations import ServerOperations
from infrastructure.canvas_sandbox.control.token_operations import TokenOperations
from infrastructure.canvas_sandbox.fault_injection import FaultQueue
from infrastructure.canvas_sandbox.request_handler import RequestHandler
from infrastructure.canvas_sandbox.request_log import RequestLog
from infrastructure.canvas_sandbox.state import SandboxState


class Control:
    """All operations of a sandbox, under the names that they have in the HTTP control API."""

    def __init__(
        self, state: SandboxState, handler: RequestHandler, faults: FaultQueue, log: RequestLog
    ) -> None:
        grades, courses = GradeOperations(state), CourseOperations(state)
        tokens = TokenOperations(state)
        server = ServerOperations(state.clock, handler, faults, log)
        self.set_grade = grades.set_grade
        self.post_grades = grades.post_grades
        self.hide_grades = grades.hide_grades
        self.excuse = grades.excuse
        self.submit = grades.submit
        self.courses = courses.courses
        self.withdraw_course = courses.withdraw_course
        self.restore_course = courses.restore_course
        self.restrict_course = courses.restrict_course
        self.conclude_course = courses.conclude_course
        self.hide_totals = courses.hide_totals
        self.rename_course = courses.rename_course
        self.assignments = courses.assignments
        self.add_assignment = courses.add_assignment
        self.move_due_date = courses.move_due_date
        self.lock_assignment = courses.lock_assignment
        self.rename_assignment = courses.rename_assignment
        self.remove_assignment = courses.remove_assignment
        self.restore_assignment = courses.restore_assignment
        self.issue_token = tokens.issue_token
        self.revoke_token = tokens.revoke_token
        self.expire_token = tokens.expire_token
        self.restore_token = tokens.restore_token
        self.limit_scopes = tokens.limit_scopes
        self.ignore_includes = tokens.ignore_includes
        self.inject = server.inject
        self.clear_faults = server.clear_faults
        self.set_latency = server.set_latency
        self.advance_clock = server.advance_clock
        self.requests = server.requests
        self.counters = server.counters
        self.forget_requests = server.forget_requests
