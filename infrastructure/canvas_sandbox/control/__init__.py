"""What a test or a demo may do to the sandbox while it runs.

Students are named by their index, courses and assignments by their Canvas id (text or number).
An id that is not there raises KeyError; a value that makes no sense raises ValueError.
"""

from infrastructure.canvas_sandbox.control.course_operations import CourseOperations
from infrastructure.canvas_sandbox.control.grade_operations import GradeOperations
from infrastructure.canvas_sandbox.control.server_operations import ServerOperations
from infrastructure.canvas_sandbox.fault_injection import FaultQueue
from infrastructure.canvas_sandbox.request_handler import RequestHandler
from infrastructure.canvas_sandbox.request_log import RequestLog
from infrastructure.canvas_sandbox.state import SandboxState


class Control(GradeOperations, CourseOperations, ServerOperations):
    """Every lever of a sandbox."""

    def __init__(
        self, state: SandboxState, handler: RequestHandler, faults: FaultQueue, log: RequestLog
    ) -> None:
        self._state = state
        self._handler = handler
        self._faults = faults
        self._log = log
