"""How a sandbox is set up."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """Everything a sandbox is made of; the same options give the same Canvas.

    `latency_ms` is spread by ± `jitter` (a share, 0 for none).
    `now` stops the clock at that moment; without it the clock runs.
    `high_water_mark` is 600 by default and 700 at Instructure's own hosting.
    `throttle_status` is 403 (classic) or 429 (hosted since October 2025).
    `denial_status` is 403, or 401 as before the flag `api_auth_error_updates`.
    `restricted` says whether one course in the list shows only its id.
    """

    students: int = 1
    courses: int = 6
    assignments: int = 20
    latency_ms: float = 0
    jitter: float = 0.25
    seed: int = 1
    now: datetime | None = None
    high_water_mark: float = 600
    throttle_status: int = 403
    denial_status: int = 403
    restricted: bool = False
    domain: str = "canvas.sandbox.example"
