"""What was measured while an attack was run, as a table and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.attacks.attack import ATTEMPTS
from tests.attacks.health_prober import HealthSamples
from tests.attacks.honest_students import Outcome
from tests.attacks.measured_processes import Phase

COLUMNS = (
    "attack", "finding", "attempts", "health p50", "p99", "max", "calm p99", "read p99",
    "calm", "honest", "errors", "MiB before", "peak", "after", "events", "CPU",
)  # fmt: skip


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(frozen=True)
class AttackResult:
    """The measurements of one attack; times are in seconds, memory is in MiB."""

    name: str
    finding: str
    counts: Counter[str]
    """What the attacker did and received."""
    hostile_requests: int
    """Requests of the service to the hosts of the attacker."""
    health: HealthSamples
    honest: list[Outcome]
    events: int
    """Events that were recorded during the attack, also those of honest students."""
    cpu_share: float
    """CPU time of the service during the attack, as a share of one core."""
    load_average: float
    """Of the machine before the attack, over a minute."""

    def health_quantile(self, phase: Phase, share: float) -> float:
        """Return a quantile of the response times of `/health/live`."""
        return quantile(self.health.seconds[phase], share)

    def errors(self) -> Counter[str]:
        """Return what honest students received during the attack that is an error, by kind."""
        return Counter(
            f"{each.kind} {each.result}"
            for each in self.honest
            if each.is_error and each.phase is Phase.ATTACK
        )

    def honest_seconds(self, phase: Phase, kind: str) -> list[float]:
        """Return the times of what honest students did in a phase."""
        return [each.seconds for each in self.honest if (each.phase, each.kind) == (phase, kind)]

    def memory(self) -> tuple[float, float, float]:
        """Return the memory before the attack, its highest value, and the last one."""
        before, after = self.health.memory_mib[Phase.CALM], self.health.memory_mib[Phase.AFTER]
        return before[-1], max(self.health.memory_mib[Phase.ATTACK] + after), after[-1]

    def row(self) -> list[str]:
        """Return the cells of the table."""
        during, calm = Phase.ATTACK, Phase.CALM
        errors, outcomes = self.errors(), [each for each in self.honest if each.phase is during]
        return [
            self.name,
            self.finding,
            f"{self.counts[ATTEMPTS]:,}",
            *(_milliseconds(self.health_quantile(during, share)) for share in (0.5, 0.99, 1)),
            _milliseconds(self.health_quantile(calm, 0.99)),
            *(
                _milliseconds(quantile(self.honest_seconds(phase, "read"), 0.99))
                for phase in (during, calm)
            ),
            f"{len(outcomes)}",
            f"{errors.total() + self.health.failures[during]}",
            *(f"{mib:.0f}" for mib in self.memory()),
            f"{self.events:,}",
            f"{self.cpu_share:.0%}",
        ]

    def details(self) -> Iterator[str]:
        """Yield what is not in the table."""
        yield f"{self.name}: received {dict(self.counts.most_common(8))}"
        yield f"  requests at hostile hosts {self.hostile_requests:,}"
        yield f"  load average before {self.load_average:.1f}"
        late = quantile(self.health.late_seconds[Phase.ATTACK], 0.99)
        yield f"  prober scheduled late p99 {_milliseconds(late)}"
        for kind in ("read", "sync", "live", "set-up"):
            times = self.honest_seconds(Phase.ATTACK, kind)
            calm = self.honest_seconds(Phase.CALM, kind)
            yield (
                f"  honest {kind:7}{len(times):4} times, p50 {_milliseconds(quantile(times, 0.5))},"
                f" max {_milliseconds(quantile(times, 1))}; calm max "
                f"{_milliseconds(quantile(calm, 1))}"
            )
        if errors := self.errors():
            yield f"  honest errors {dict(errors)}"
        if failures := self.health.failures[Phase.ATTACK]:
            yield f"  health checks without a response {failures}"

    def document(self) -> dict[str, Any]:
        """Return everything as JSON, without the single samples."""
        return {
            **dict(zip(COLUMNS, self.row(), strict=True)),
            "counts": dict(self.counts),
            "hostile_requests": self.hostile_requests,
            "honest_errors": dict(self.errors()),
            "load_average": self.load_average,
        }


def table(results: Sequence[AttackResult]) -> Iterator[str]:
    """Yield the lines of a table; times are in milliseconds."""
    rows = [list(COLUMNS), *(result.row() for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells[1:]])


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"
