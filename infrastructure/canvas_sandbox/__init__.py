"""The sandbox: a Canvas LMS with generated students that runs on this machine.

It follows the source code of canvas-lms, including its bugs.
"""

from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_server import (
    Sandbox,
    StudentToken,
    running_sandbox,
    serve,
)

__all__ = ["Sandbox", "SandboxOptions", "StudentToken", "running_sandbox", "serve"]
