"""The operations with which a test or a demo changes the sandbox while it runs.

Students are identified by their index, courses, groups and assignments by their Canvas id (text or
number). An unknown id raises LookupError, an invalid value ValueError.
"""

from infrastructure.canvas_sandbox.control.assignment_operations import AssignmentOperations
from infrastructure.canvas_sandbox.control.course_operations import CourseOperations
from infrastructure.canvas_sandbox.control.discussion_operations import DiscussionOperations
from infrastructure.canvas_sandbox.control.enrollment_operations import EnrollmentOperations
from infrastructure.canvas_sandbox.control.grade_operations import GradeOperations
from infrastructure.canvas_sandbox.control.grading_setup import GradingSetup
from infrastructure.canvas_sandbox.control.server_operations import ServerOperations
from infrastructure.canvas_sandbox.control.token_operations import TokenOperations
from infrastructure.canvas_sandbox.state import SandboxState


class Control:
    """All operations of a sandbox, under the names that they have in the HTTP control API."""

    def __init__(self, state: SandboxState, server: ServerOperations) -> None:
        self._bind_grades(state)
        self._bind_courses(state)
        self._bind_assignments(state)
        tokens = TokenOperations(state)
        self.tokens = tokens.tokens
        self.issue_token = tokens.issue_token
        self.revoke_token = tokens.revoke_token
        self.expire_token = tokens.expire_token
        self.restore_token = tokens.restore_token
        self.revoke_all_tokens = tokens.revoke_all_tokens
        self.expire_all_tokens = tokens.expire_all_tokens
        self.restore_all_tokens = tokens.restore_all_tokens
        self.limit_scopes = tokens.limit_scopes
        self.ignore_includes = tokens.ignore_includes
        self.inject = server.inject
        self.clear_faults = server.clear_faults
        self.set_latency = server.set_latency
        self.host_away = server.host_away
        self.host_back = server.host_back
        self.advance_clock = server.advance_clock
        self.status = server.status
        self.requests = server.requests
        self.counters = server.counters
        self.forget_requests = server.forget_requests

    def _bind_grades(self, state: SandboxState) -> None:
        grades, setup = GradeOperations(state), GradingSetup(state)
        self.set_grade = grades.set_grade
        self.take_back_grade = grades.take_back_grade
        self.leave_for_review = grades.leave_for_review
        self.set_late_policy = grades.set_late_policy
        self.post_grades = grades.post_grades
        self.hide_grades = grades.hide_grades
        self.excuse = grades.excuse
        self.submit = grades.submit
        self.groups = setup.groups
        self.set_grading_periods = setup.set_grading_periods
        self.set_grading_scheme = setup.set_grading_scheme
        self.set_drop_rules = setup.set_drop_rules
        self.set_group_weight = setup.set_group_weight
        self.weight_groups = setup.weight_groups
        self.move_group = setup.move_group
        self.hide_totals = setup.hide_totals
        self.hide_statistics = setup.hide_statistics

    def _bind_courses(self, state: SandboxState) -> None:
        courses, enrollments = CourseOperations(state), EnrollmentOperations(state)
        self.courses = courses.courses
        self.restrict_course = courses.restrict_course
        self.conclude_course = courses.conclude_course
        self.end_course = courses.end_course
        self.reopen_course = courses.reopen_course
        self.end_term = courses.end_term
        self.set_course_dates = courses.set_course_dates
        self.restrict_views = courses.restrict_views
        self.delete_course = courses.delete_course
        self.unpublish_course = courses.unpublish_course
        self.rename_course = courses.rename_course
        self.enrollments = enrollments.enrollments
        self.withdraw_course = enrollments.withdraw_course
        self.restore_course = enrollments.restore_course
        self.enroll = enrollments.enroll
        self.invite = enrollments.invite
        self.set_enrollment_state = enrollments.set_enrollment_state
        self.set_enrollment_dates = enrollments.set_enrollment_dates
        self.override_total = enrollments.override_total

    def _bind_assignments(self, state: SandboxState) -> None:
        assignments, discussions = AssignmentOperations(state), DiscussionOperations(state)
        self.assignments = assignments.assignments
        self.add_assignment = assignments.add_assignment
        self.move_due_date = assignments.move_due_date
        self.lock_assignment = assignments.lock_assignment
        self.lock_in_module = assignments.lock_in_module
        self.rename_assignment = assignments.rename_assignment
        self.remove_assignment = assignments.remove_assignment
        self.restore_assignment = assignments.restore_assignment
        self.omit_assignment = assignments.omit_assignment
        self.set_post_policy = assignments.set_post_policy
        self.set_points = assignments.set_points
        self.set_submission_type = assignments.set_submission_type
        self.add_discussion = discussions.add_discussion
        self.move_part = discussions.move_part
        self.submit_part = discussions.submit_part
        self.grade_part = discussions.grade_part
