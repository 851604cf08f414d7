"""What a test or a demo may do to the sandbox while it runs.

Students are named by their index, courses and assignments by their Canvas id (text or number).
An id that is not there raises KeyError; a value that makes no sense raises ValueError.
"""

from infrastructure.canvas.sandbox.campus import Campus
from infrastructure.canvas.sandbox.control.catalogue import Catalogue
from infrastructure.canvas.sandbox.control.gradebook import Gradebook
from infrastructure.canvas.sandbox.control.workings import Workings
from infrastructure.canvas.sandbox.door import Door
from infrastructure.canvas.sandbox.faults import Faults
from infrastructure.canvas.sandbox.request_log import RequestLog


class Control(Gradebook, Catalogue, Workings):
    """Every lever of a sandbox."""

    def __init__(self, campus: Campus, door: Door, faults: Faults, log: RequestLog) -> None:
        self._campus = campus
        self._door = door
        self._faults = faults
        self._log = log
