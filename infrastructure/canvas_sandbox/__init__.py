"""A Canvas LMS one can run: made-up students behind Canvas's own manners."""

from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_server import (
    Sandbox,
    StudentToken,
    running_sandbox,
    serve,
)

__all__ = ["Sandbox", "SandboxOptions", "StudentToken", "running_sandbox", "serve"]
