"""What was measured while a scene was played."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.scenes.read_load import ReadLoad


@dataclass
class SceneResult:
    """The measurements of one scene; times are in seconds, memory is in MiB."""

    connections: int
    seconds_until_all_failed: float = 0.0
    requests: int = 0
    """Requests that the sandbox received until every connection had a failed run."""
    requests_by_student: Counter[int] = field(default_factory=Counter)
    later_requests: int = 0
    """Requests that it received in `later_seconds` after that."""
    later_seconds: float = 0.0
    messages: list[list[str]] = field(default_factory=list)
    """For each listener the codes of the failed runs, in the order of the messages."""
    changed_documents: list[str] = field(default_factory=list)
    """The paths at which a person read something else than before the scene."""
    reads: ReadLoad = field(default_factory=ReadLoad)
    whole_seconds: list[float] = field(default_factory=list)
    """From the request of a person until their data was fresh again."""
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    memory_mib: dict[str, float] = field(default_factory=dict)
    log_lines: Counter[str] = field(default_factory=Counter)
    """Lines that the processes logged, by event."""

    def lines(self) -> Iterator[str]:
        """Yield the measurements as lines of text."""
        yield f"connections                      {self.connections:,}"
        yield f"all failed once after            {self.seconds_until_all_failed:.1f} s"
        yield f"requests at the sandbox          {self.requests:,}"
        yield f"  of one student at most         {self.most_requests()}"
        yield f"  afterwards, in {self.later_seconds:5.0f} s         {self.later_requests:,}"
        yield f"messages about a failure         {Counter(map(len, self.messages))} by listener"
        yield f"reads, by status                 {dict(self.reads.statuses)}"
        yield f"  p50, p99, maximum              {self._read_times()}"
        yield f"whole after                      {_seconds(self.whole_seconds)}"
        for name, seconds in self.cpu_seconds.items():
            yield f"{name:33}{seconds:.1f} s of CPU, {self.memory_mib[name]:.0f} MiB at most"
        yield f"log lines                        {dict(self.log_lines.most_common(8))}"

    def most_requests(self) -> int:
        """Return the number of requests for the student with the most."""
        return max(self.requests_by_student.values(), default=0)

    def _read_times(self) -> str:
        times = [self.reads.quantile(share) * 1000 for share in (0.5, 0.99, 1.0)]
        return ", ".join(f"{milliseconds:.0f} ms" for milliseconds in times)


def _seconds(values: list[float]) -> str:
    return ", ".join(f"{value:.1f} s" for value in sorted(values)) or "-"
