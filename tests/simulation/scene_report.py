"""The results of a simulated scene as lines of text."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from tests.simulation.simulated_scenes import BEGINS_AT, Scene

MINUTE_SECONDS = 60.0
OPENING_SECONDS = 5 * MINUTE_SECONDS


def format_scene(scene: Scene) -> Iterator[str]:
    """Format what happened at the host, line by line."""
    failed, sent = scene.failed_runs(), scene.runs_with_requests()
    yield f"connections                      {len(scene.connections):,}"
    yield f"failed runs                      {len(failed):,}"
    yield f"  of these with requests         {len(sent):,}"
    yield f"requests of failed runs          {sum(run.requests for run in sent):,}"
    yield f"messages about a failure         {_by_count(scene.messages.failures)}"
    yield from _new_token_lines(scene) if scene.token_entered_at else _return_lines(scene)


def _by_count(messages: Counter[int]) -> str:
    counts = Counter(messages.values())
    return ", ".join(f"{n} for {people:,} people" for n, people in sorted(counts.items()))


def _new_token_lines(scene: Scene) -> Iterator[str]:
    completed_at = scene.first_completion_after(BEGINS_AT)
    waits = sorted(completed_at[id_] - at for id_, at in scene.token_entered_at.items())
    yield f"new tokens                       {len(waits):,}"
    yield f"  whole after: p50, maximum      {waits[len(waits) // 2]:.1f} s, {waits[-1]:.1f} s"


def _return_lines(scene: Scene) -> Iterator[str]:
    sent = scene.runs_with_requests()
    later = [run for run in sent if run.started_at >= BEGINS_AT + OPENING_SECONDS]
    gaps = [after.started_at - before.started_at for before, after in pairwise(later)]
    yield f"probes after five minutes        {len(later):,}, {min(gaps):.0f} s apart or more"
    times = sorted(scene.first_completion_after(scene.ends_at).values())
    minutes = [
        f"{(time - scene.ends_at) / MINUTE_SECONDS:.1f} min"
        for time in (times[0], times[len(times) // 2], times[-1])
    ]
    yield f"read again after: first, p50, all  {', '.join(minutes)}"
