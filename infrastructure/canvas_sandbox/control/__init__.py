"""What a test or a demo may do to the sandbox while it runs.

Students are named by their index, courses and assignments by their Canvas id (text or number).
An id that is not there raises KeyError; a value that makes no sense raises ValueError.
"""

from infrastructure.canvas_sandbox.control.course_operations import Catalogue
from infrastructure.canvas_sandbox.control.grade_operations import Gradebook
from infrastructure.canvas_sandbox.control.server_operations import Workings
from infrastructure.canvas_sandbox.fault_injection import Faults
from infrastructure.canvas_sandbox.request_handler import Door
from infrastructure.canvas_sandbox.request_log import RequestLog
from infrastructure.canvas_sandbox.state import Campus


class Control(Gradebook, Catalogue, Workings):
    """Every lever of a sandbox."""

    def __init__(self, campus: Campus, door: Door, faults: Faults, log: RequestLog) -> None:
        self._campus = campus
        self._door = door
        self._faults = faults
        self._log = log
