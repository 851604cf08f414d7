"""The options of a sandbox."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """The options of a sandbox; the same options give the same Canvas.

    `latency_ms` varies by ± `jitter`, a share of it (0 for none).
    `now` stops the clock at that time; with None the clock runs.
    `high_water_mark` is the size of the rate limit bucket in units: 600 in the source of Canvas,
    700 at Instructure's hosting.
    `throttle_status` is 403, or 429 as hosted Canvas sends since October 2025.
    `denial_status` is 403, or 401 as without the feature flag `api_auth_error_updates`.
    If `restricted` is true, one course in the list shows only its id.
    If `varied` is true, courses have more situations: drop rules, checkpointed discussions, locks
    by modules, parts of quizzes that await review, work that is not handed in online.
    `past_courses` is the number of courses of past terms: in turn concluded, ended by the dates of
    the term, and ended with closed access. `taught_courses` is the number of courses in which the
    student has another role: in turn ta, observer, designer and teacher.
    `classmates` is the number of students whom the sandbox does not serve, for statistics.
    If `checkpoints_in_groups` is false, Canvas is older: lists of assignment groups ignore
    `include[]=checkpoints`.
    If `links_to_itself` is true, links in responses lead to pages of this server, not of `domain`.
    `control_origins` are the origins whose pages may use the control API.
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
    varied: bool = False
    past_courses: int = 0
    taught_courses: int = 0
    classmates: int = 0
    checkpoints_in_groups: bool = True
    domain: str = "canvas.sandbox.example"
    links_to_itself: bool = False
    control_origins: tuple[str, ...] = ()
