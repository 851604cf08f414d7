"""A Canvas LMS one can run: made-up students behind Canvas's own manners."""

from infrastructure.canvas.sandbox.options import SandboxOptions
from infrastructure.canvas.sandbox.running import Sandbox, StudentToken, running, serve

__all__ = ["Sandbox", "SandboxOptions", "StudentToken", "running", "serve"]
