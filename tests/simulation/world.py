"""The simulated world: workers execute runs, Canvas responds or hangs, people request syncs."""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Any

from domain.circuit_breaker import postpone
from domain.errors import ConnectionIsNotActive, SyncAlreadyRunning, SyncNotDue
from domain.sync_attempt import MAX_SYNC_ATTEMPTS
from domain.sync_schedule import failures_after, needs_full_sync
from infrastructure.queue.sync_queue import lane_name
from tests.simulation.assumptions import Assumptions
from tests.simulation.canvas_hosts import CanvasHosts
from tests.simulation.connections import Connections, seconds_since_start, time_at
from tests.simulation.cost_samples import Cost, CostSamples
from tests.simulation.institutions import HOUR_SECONDS, HostBehaviour, plan_outages
from tests.simulation.lanes import Lane, Lanes
from tests.simulation.outcomes import (
    COMPLETED,
    GIVEN_UP,
    HELD_BACK,
    TIMED_OUT,
    TOKEN_REJECTED,
    UNREACHABLE,
    Outcome,
)
from tests.simulation.results import Results
from tests.simulation.workers import SimulatedRun, SimulatedWorkers

OUTCOMES: dict[HostBehaviour, Outcome] = {
    "responds": COMPLETED,
    "hangs": TIMED_OUT,
    "refuses": UNREACHABLE,
    "rejects": TOKEN_REJECTED,
}
"""How runs end, by what their host does with requests."""


def ignore_run(_: SimulatedRun) -> None:
    """Do nothing with a run that has ended."""


class World:
    """The state of the simulation without the scanner, and its event queue.

    `now` is in seconds since the start.
    """

    def __init__(
        self, assumptions: Assumptions, report_progress: Callable[[float, int], None]
    ) -> None:
        self.assumptions, self.sync_interval = assumptions, assumptions.sync_interval
        self.rng = Random(assumptions.seed)
        self.connections = Connections(assumptions, self.rng)
        self.costs = CostSamples(assumptions, self.rng)
        self.results = Results(assumptions, self.connections.host_sizes)
        host_count = len(self.connections.host_sizes)
        self.hosts = CanvasHosts(
            host_count, plan_outages(assumptions, host_count, self.rng), self.rng
        )
        self.observe_run: Callable[[SimulatedRun], None] = ignore_run
        self.lanes = Lanes()
        self.runs_at_host = [0] * len(self.connections.host_sizes)
        self.workers = SimulatedWorkers(assumptions, self.rng)
        self.now, self.total_runs = 0.0, 0
        self.measured_from = assumptions.warm_up * HOUR_SECONDS
        self._report_progress = report_progress
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._last_event_number = 0
        self._schedule_initial_events()

    def schedule(self, seconds: float, action: Callable[..., None], *arguments: Any) -> None:
        """Call an action at this time, in seconds since the start."""
        self._last_event_number += 1
        heappush(self._events, (seconds, self._last_event_number, action, arguments))

    def advance_to(self, now: float) -> None:
        """Execute the actions that are scheduled up to `now`, and set the clock."""
        events = self._events
        while events and events[0][0] <= now:
            self.now, _, action, arguments = heappop(events)
            action(*arguments)
        self.now = now

    def report_progress(self) -> None:
        """Report the hours and the number of runs so far."""
        self._report_progress(self.now / HOUR_SECONDS, self.total_runs)

    @property
    def is_measuring(self) -> bool:
        """Whether the warm-up is over."""
        return self.now >= self.measured_from

    def request_sync(self, connection: int, *, is_manual: bool = False) -> None:
        """Queue a run.

        Raises: ConnectionIsNotActive if the token of the connection was rejected.
        Raises: SyncAlreadyRunning if the connection has a run.
        Raises: SyncNotDue if a scheduled run is requested too early.
        """
        connections, results = self.connections, self.results
        if connections.is_rejected[connection]:
            raise ConnectionIsNotActive(connections.ids[connection], "token_rejected")
        if connections.is_active[connection]:
            raise SyncAlreadyRunning(connections.ids[connection])
        if not is_manual:
            self._check_due(connection)
        connections.due_list.remove(connection)
        connections.is_active[connection], connections.is_manual[connection] = 1, is_manual
        connections.requested_at[connection] = self.now
        connections.attempts[connection] = 0
        connections.is_full[connection] = needs_full_sync(
            time_at(connections.last_full_at[connection]), time_at(self.now), self.sync_interval
        )
        results.runs_by_minute[int(self.now / 60)] += 1
        self._enqueue(connection, urgent=is_manual)
        self._dispatch()

    def _check_due(self, connection: int) -> None:
        """Measure the delay of the request after `next_sync_at`."""
        due, host = self.connections.due_list.due_at[connection], self.connections.hosts[connection]
        if due > self.now:
            self.results.early_requests += 1
            raise SyncNotDue(self.connections.ids[connection])
        next_sync_at = seconds_since_start(postpone(time_at(due), self.hosts.open_until(host)))
        if self.is_measuring:
            self.results.delay.add(max(0.0, self.now - next_sync_at))
            if host not in self.hosts.outages:
                self.results.delay_at_healthy_hosts.add(self.now - next_sync_at)

    def _enqueue(self, connection: int, *, urgent: bool) -> None:
        host = self.connections.hosts[connection]
        name = lane_name(
            self.hosts.origins[host], self.connections.ids[connection], self.assumptions.lanes
        )
        self.lanes.add(connection, name, host, urgent=urgent)

    def _dispatch(self) -> None:
        while self.workers.has_free_slot and (taken := self.lanes.take()):
            self._start_run(*taken)

    def _start_run(self, connection: int, lane: Lane) -> None:
        connections, host = self.connections, lane.host
        run = SimulatedRun(connection, host, lane, self.now, *self._plan_run(connection, host))
        self.runs_at_host[host] += 1
        ends_at = self.workers.start_run(run, self.now)
        if self.is_measuring:
            self.results.queue_time.add(self.now - connections.requested_at[connection])
            self.results.over_lane_limit += self.runs_at_host[host] > self.assumptions.lanes
            self.results.record_requests(host, run.cost.requests, self.now)
        self.schedule(ends_at, self._end_run, run)

    def _plan_run(self, connection: int, host: int) -> tuple[Cost, Outcome]:
        """Return what a run that starts now will cost, and how it will end."""
        connections, hosts, costs = self.connections, self.hosts, self.costs
        is_degraded = hosts.is_degraded(host)
        if is_degraded and not (
            hosts.admits_requested_run(host, self.now)
            if connections.is_manual[connection]
            else hosts.admits_scheduled_run(host, self.now)
        ):
            return costs.held_back_cost(), HELD_BACK
        behaviour = hosts.behaviour(host, self.now)
        if behaviour == "responds" and connections.has_revoked_token[connection]:
            behaviour = "rejects"
        if behaviour == "responds":
            cost = costs.draw_cost(
                is_full=bool(connections.is_full[connection]),
                courses=connections.courses[connection],
                now=self.now,
            )
        else:
            cost = costs.draw_failing_cost(behaviour, host_degraded=is_degraded)
        return cost, OUTCOMES[behaviour]

    def _end_run(self, run: SimulatedRun) -> None:
        if not self.workers.end_run(run):
            return
        self._free_lane(run)
        outcome, connection, connections = run.outcome, run.connection, self.connections
        self._record_run(run)
        if outcome is COMPLETED:
            connections.last_read_at[connection] = run.started_at
        if outcome is COMPLETED and connections.is_full[connection]:
            connections.last_full_at[connection] = run.started_at
        self._report_host(run)
        if outcome is TOKEN_REJECTED:
            connections.set_rejected(connection)
        else:
            failures = failures_after(connections.failures[connection], outcome.event)
            connections.set_idle(connection, self.now, failures)
        self.observe_run(run)
        self._dispatch()

    def _free_lane(self, run: SimulatedRun) -> None:
        self.runs_at_host[run.host] -= 1
        self.lanes.free(run.lane)

    def _record_run(self, run: SimulatedRun) -> None:
        self.total_runs += 1
        results, connections, connection = self.results, self.connections, run.connection
        if not self.is_measuring:
            return
        cost, seconds = run.cost, self.now - run.started_at
        results.runs += 1
        results.failed_runs += run.outcome is not COMPLETED
        results.held_back_runs += run.outcome.is_held_back
        results.cpu_seconds += cost.cpu_seconds
        results.database_seconds += cost.database_seconds
        results.slot_seconds += seconds
        results.duration.add(seconds)
        results.changed_runs += cost.changed_courses > 0
        results.changed_courses += cost.changed_courses
        if run.host < len(results.host_lane_seconds):
            results.host_lane_seconds[run.host] += seconds
        if connections.is_manual[connection]:
            results.manual_runs += 1
            results.manual_duration.add(self.now - connections.requested_at[connection])
        if run.outcome is COMPLETED:
            self._record_ages(run)

    def _record_ages(self, run: SimulatedRun) -> None:
        results, connections, connection = self.results, self.connections, run.connection
        age = self.now - connections.last_read_at[connection]
        results.age.add(age)
        if run.host not in self.hosts.outages:
            results.age_at_healthy_hosts.add(age)
        if run.host < len(results.host_age):
            results.host_age[run.host].add(age)
        if connections.is_full[connection]:
            results.full_runs += 1
            if run.host not in self.hosts.outages:
                results.full_age.add(run.started_at - connections.last_full_at[connection])

    def _report_host(self, run: SimulatedRun) -> None:
        """Record what a run shows about its host, as `application.run_sync` does."""
        if run.outcome is TOKEN_REJECTED:
            self.hosts.record_rejection(run.host)
        elif run.outcome.host_responded:
            self.hosts.record_success(run.host)
        elif run.outcome.host_responded is False:
            self.hosts.record_failure(run.host, self.now)

    def _schedule_initial_events(self) -> None:
        """Schedule the first manual sync, and the rolling restarts of all workers."""
        self.schedule(0.0, self._request_manual_sync)
        for nth in range(self.assumptions.deploys):
            hours = self.assumptions.warm_up + self.assumptions.hours * (nth + 1) / (
                self.assumptions.deploys + 1
            )
            for worker in range(self.assumptions.workers):
                self.schedule(hours * HOUR_SECONDS + worker * 30.0, self._stop_worker, worker)

    def _request_manual_sync(self) -> None:
        """Request a sync of a random connection, and schedule the next manual sync."""
        assumptions = self.assumptions
        activity = 1 + assumptions.evening_activity * self.costs.daily_cycle(self.now)
        syncs_per_second = assumptions.manual_syncs * assumptions.connections / (24 * HOUR_SECONDS)
        if not syncs_per_second:
            return
        self.schedule(
            self.now + self.rng.expovariate(syncs_per_second * max(0.05, activity)),
            self._request_manual_sync,
        )
        try:
            self.request_sync(self.rng.randrange(assumptions.connections), is_manual=True)
        except (SyncAlreadyRunning, ConnectionIsNotActive):
            self.results.refused_requests += 1

    def _stop_worker(self, worker: int) -> None:
        self.workers.stop(worker)
        self.schedule(self.now + SimulatedWorkers.GRACE_SECONDS, self._requeue_abandoned, worker)

    def _requeue_abandoned(self, worker: int) -> None:
        """Requeue the unfinished runs of a stopping worker; fail those without another attempt."""
        for run in self.workers.abandon_runs(worker):
            self._free_lane(run)
            self.results.requeued_runs += 1
            if self.connections.attempts[run.connection] + 1 < MAX_SYNC_ATTEMPTS:
                self.connections.attempts[run.connection] += 1
                self._enqueue(run.connection, urgent=False)
            else:
                failures = failures_after(self.connections.failures[run.connection], GIVEN_UP.event)
                self.connections.set_idle(run.connection, self.now, failures)
        self.schedule(self.now + SimulatedWorkers.RESTART_SECONDS, self._start_worker, worker)
        self._dispatch()

    def _start_worker(self, worker: int) -> None:
        self.workers.start(worker)
        self._dispatch()
