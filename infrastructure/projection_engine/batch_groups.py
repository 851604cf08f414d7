"""The groups of versions that the daemon moves together, and the results of their batches."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from infrastructure.projection_engine.apply_batch import BatchResult
from infrastructure.projection_engine.versions import VersionStatus


def combine_results(results: Sequence[BatchResult], high_water_mark: int) -> BatchResult:
    """Add up the numbers of versions, and take the lowest position."""
    return BatchResult(
        sum(each.models for each in results),
        min((each.up_to for each in results), default=high_water_mark),
    )


def group_by_position(statuses: Iterable[VersionStatus]) -> list[list[VersionStatus]]:
    """Group versions by position, so that a batch is read once for each group."""
    groups: defaultdict[int, list[VersionStatus]] = defaultdict(list)
    for status in statuses:
        groups[status.position].append(status)
    return list(groups.values())
