"""What a scan requests at hosts whose circuit is not closed."""

from datetime import timedelta

from structlog.testing import capture_logs

from domain.circuit_breaker import CircuitBreaker
from domain.sync_admission import FULL_SCAN_INTERVAL, sort_key
from infrastructure.scheduling.scanner import MAX_PAGE_RUNS, SCAN_INTERVAL_SECONDS
from tests.infrastructure.scheduling.scan_fakes import (
    HERE,
    MINUTE,
    NOON,
    THERE,
    ScanFakes,
    make_due,
)


async def test_hosts_with_an_open_circuit_are_skipped_and_one_probe_is_requested() -> None:
    fakes = ScanFakes(due=make_due(7, HERE) + make_due(3, THERE))
    fakes.failed = {each.connection_id for each in fakes.due[:7]}
    fakes.circuit_breakers[HERE] = CircuitBreaker(5, 1, NOON + MINUTE)
    with capture_logs() as lines:
        await fakes.scanner().scan()
    assert [each.origin for each in fakes.requested] == [THERE] * 3
    assert (lines[-1]["event"], lines[-1]["held_back"], lines[-1]["probes"]) == ("scanned", 0, 0)
    fakes.circuit_breakers[HERE] = CircuitBreaker(5, 1, NOON)
    fakes.due = fakes.due[:7]
    fakes.refused = {fakes.due[0].connection_id}
    result = await fakes.scanner().scan()
    assert fakes.requested[3:] == [fakes.due[1]]
    assert (result.probes, result.requested, result.held_back) == (1, 0, 0)
    result = await fakes.scanner().scan()
    assert result.probes == 0, "the run that waits will be the probe"


async def test_at_an_open_circuit_connections_without_a_failure_get_a_run() -> None:
    fakes = ScanFakes(due=make_due(400, HERE) + make_due(3, THERE))
    fakes.failed = {each.connection_id for each in fakes.due[:100]}
    fakes.circuit_breakers[HERE] = CircuitBreaker(5, 1, NOON + MINUTE)
    result = await fakes.scanner().scan()
    assert fakes.requested == fakes.due[100 : 100 + MAX_PAGE_RUNS] + fakes.due[400:]
    assert (result.held_back, result.requested) == (MAX_PAGE_RUNS, 3)
    fakes.waiting.clear()
    fakes.failed |= {each.connection_id for each in fakes.requested}
    result = await fakes.scanner().scan()
    assert (result.held_back, result.is_truncated) == (300 - MAX_PAGE_RUNS, False)


async def test_of_many_open_circuits_each_is_considered_in_turn() -> None:
    hosts = [f"https://canvas-{nth}.example" for nth in range(120)]
    fakes = ScanFakes(due=[due for host in hosts for due in make_due(1, host)])
    fakes.circuit_breakers = {host: CircuitBreaker(5, 1, NOON + 9 * MINUTE) for host in hosts}
    for nth in range(3):
        scan_time = NOON + nth * timedelta(seconds=SCAN_INTERVAL_SECONDS)
        await fakes.scanner(now=lambda at=scan_time: at).scan()
        fakes.failed = {each.connection_id for each in fakes.requested}
    assert {each.origin for each in fakes.requested} == set(hosts)


async def test_due_connections_at_an_open_circuit_are_scanned_once_a_minute_only() -> None:
    fakes, now = ScanFakes(due=make_due(7, HERE) + make_due(3, THERE)), [NOON]
    fakes.failed = {each.connection_id for each in fakes.due[:7]}
    fakes.circuit_breakers[HERE] = CircuitBreaker(5, 1, NOON + 9 * MINUTE)
    scanner = fakes.scanner(now=lambda: now[0])
    await scanner.scan()
    await scanner.scan()
    last = max(fakes.requested, key=sort_key)
    assert fakes.queried_after == [None, last]
    now[0] += FULL_SCAN_INTERVAL
    await scanner.scan()
    assert fakes.queried_after[2:] == [None]


async def test_an_open_circuit_with_nothing_due_is_not_probed() -> None:
    fakes = ScanFakes(circuit_breakers={HERE: CircuitBreaker(5, 1, NOON)})
    assert (await fakes.scanner().scan()).probes == 0
