"""The world between two scans: workers take runs on, Canvas answers or hangs, people wish."""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Any

from domain.circuit_breaker import CLOSED, Circuit, not_before
from domain.errors import SyncAlreadyRunning, SyncNotDue
from domain.sync_attempt import ATTEMPTS
from domain.sync_schedule import failures_after, must_be_full
from infrastructure.queue.sync_queue import lane
from tests.simulation.assumptions import Assumptions
from tests.simulation.connections import People, at, since
from tests.simulation.cost_samples import Cost, Costs
from tests.simulation.institutions import HOUR, origin, silences
from tests.simulation.lanes import Lane, Lanes
from tests.simulation.outcomes import COMPLETED, GIVEN_UP, SILENT
from tests.simulation.results import Found
from tests.simulation.workers import Run, Workers


class World:
    """Everything there is but the scanner; `now` is in seconds since the beginning."""

    def __init__(self, assumed: Assumptions, tell: Callable[[float, int], None]) -> None:
        self.assumed, self.every = assumed, assumed.every
        self.chance = Random(assumed.seed)
        self.people = People(assumed, self.chance)
        self.costs = Costs(assumed, self.chance)
        self.found = Found(assumed, self.people.sizes)
        self.silences = silences(assumed, len(self.people.sizes), self.chance)
        self.origins = [origin(host) for host in range(len(self.people.sizes))]
        self.hosts = {name: host for host, name in enumerate(self.origins)}
        self.circuits: dict[str, Circuit] = {}
        self.lanes = Lanes()
        self.there = [0] * len(self.people.sizes)
        self.workers = Workers(assumed, self.chance)
        self.now, self.total = 0.0, 0
        self.counts_from = assumed.warm_up * HOUR
        self._tell = tell
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0
        self._plan()

    def at(self, seconds: float, do: Callable[..., None], *about: Any) -> None:
        """Let something happen then."""
        self._number += 1
        heappush(self._events, (seconds, self._number, do, about))

    def pass_to(self, now: float) -> None:
        """Let everything happen until then."""
        events = self._events
        while events and events[0][0] <= now:
            self.now, _, do, about = heappop(events)
            do(*about)
        self.now = now

    def tell(self) -> None:
        """Say how far it is."""
        self._tell(self.now / HOUR, self.total)

    @property
    def counts(self) -> bool:
        """Whether what happens now is counted."""
        return self.now >= self.counts_from

    def request(self, one: int, *, by_hand: bool = False) -> None:
        """Queue a run; raises SyncAlreadyRunning, and SyncNotDue where the clock is too early."""
        people, found = self.people, self.found
        if people.is_live[one]:
            raise SyncAlreadyRunning(people.ids[one])
        if not by_hand:
            self._promised(one)
        people.due.take(one)
        people.is_live[one], people.by_hand[one] = 1, by_hand
        people.asked_at[one] = self.now
        people.tries[one] = 0
        people.is_full[one] = must_be_full(at(people.full_at[one]), at(self.now), self.every)
        found.asked_in[int(self.now / 60)] += 1
        self._wait(one, urgent=by_hand)
        self._dispatch()

    def _promised(self, one: int) -> None:
        """Hold the moment of the request beside `next_sync_at`."""
        due, host = self.people.due.due[one], self.people.host[one]
        if due > self.now:
            raise SyncNotDue(self.people.ids[one])
        promise, circuit = due, self.circuits.get(self.origins[host])
        if circuit and not circuit.is_probed:
            promise = since(not_before(at(due), circuit.open_until))
        if self.counts:
            self.found.early += promise > self.now + 1e-3
            self.found.late.add(max(0.0, self.now - promise))
            if host not in self.silences:
                self.found.late_where_answered.add(self.now - promise)

    def _wait(self, one: int, *, urgent: bool) -> None:
        host = self.people.host[one]
        name = lane(self.origins[host], self.people.ids[one], self.assumed.lanes)
        self.lanes.add(one, name, host, urgent=urgent)

    def _dispatch(self) -> None:
        while self.workers.has_room and (taken := self.lanes.take()):
            self._start(*taken)

    def _start(self, one: int, taken: Lane) -> None:
        people, host = self.people, taken.host
        silence = self.silences.get(host)
        hangs = silence is not None and silence.begins <= self.now < silence.ends
        cost = self._hanging(host) if hangs else self._answered(one)
        run = Run(one, host, taken, self.now, cost, hangs)
        self.there[host] += 1
        ends = self.workers.take_on(run, self.now)
        if self.counts:
            self.found.queued.add(self.now - people.asked_at[one])
            self.found.overfull += self.there[host] > self.assumed.lanes
            self.found.asks(host, cost.requests, self.now)
        self.at(ends, self._ended, run)

    def _hanging(self, host: int) -> Cost:
        circuit = self.circuits.get(self.origins[host], CLOSED)
        return self.costs.hangs(in_doubt=not circuit.is_closed)

    def _answered(self, one: int) -> Cost:
        people = self.people
        return self.costs.of(
            is_full=bool(people.is_full[one]), courses=people.courses[one], now=self.now
        )

    def _ended(self, run: Run) -> None:
        if not self.workers.lets_go(run):
            return
        self._leave(run)
        end = SILENT if run.hangs else COMPLETED
        one, people = run.one, self.people
        self._count(run)
        if end is COMPLETED:
            people.seen_at[one] = run.began
        if end is COMPLETED and people.is_full[one]:
            people.full_at[one] = run.began
        self._tells(self.origins[run.host], answers=bool(end.answered))
        people.rest(one, self.now, failures_after(people.failures[one], end.event))
        self._dispatch()

    def _leave(self, run: Run) -> None:
        self.there[run.host] -= 1
        self.lanes.free(run.lane)

    def _count(self, run: Run) -> None:
        self.total += 1
        found, people, one = self.found, self.people, run.one
        if not self.counts:
            return
        cost, took = run.cost, self.now - run.began
        found.runs += 1
        found.failed += run.hangs
        found.cpu += cost.cpu
        found.database += cost.database
        found.held += took
        found.took.add(took)
        found.changed += cost.changed > 0
        found.courses_changed += cost.changed
        if run.host < len(found.host_held):
            found.host_held[run.host] += took
        if people.by_hand[one]:
            found.by_hand += 1
            found.wished.add(self.now - people.asked_at[one])
        if not run.hangs:
            self._count_ages(run)

    def _count_ages(self, run: Run) -> None:
        found, people, one = self.found, self.people, run.one
        age = self.now - people.seen_at[one]
        found.age.add(age)
        if run.host not in self.silences:
            found.age_where_answered.add(age)
        if run.host < len(found.host_age):
            found.host_age[run.host].add(age)
        if people.is_full[one]:
            found.full += 1
            if run.host not in self.silences:
                found.full_age.add(run.began - people.full_at[one])

    def _tells(self, host: str, *, answers: bool) -> None:
        """As infrastructure.canvas.circuit_breakers keeps it: forgotten once it answers."""
        if answers:
            self.circuits.pop(host, None)
        else:
            before = self.circuits.get(host, Circuit())
            self.circuits[host] = before.failed(at(self.now), self.chance.random())

    def _plan(self) -> None:
        """People's wishes, and the restarts of all workers one after the other."""
        self.at(0.0, self._wish)
        for nth in range(self.assumed.deploys):
            hours = self.assumed.warm_up + self.assumed.hours * (nth + 1) / (
                self.assumed.deploys + 1
            )
            for worker in range(self.assumed.workers):
                self.at(hours * HOUR + worker * 30.0, self._stop, worker)

    def _wish(self) -> None:
        """Somebody asks for a sync, and the next who will."""
        assumed = self.assumed
        busy = 1 + assumed.evening * self.costs.tide(self.now)
        each = assumed.wishes * assumed.connections / (24 * HOUR)
        if not each:
            return
        self.at(self.now + self.chance.expovariate(each * max(0.05, busy)), self._wish)
        try:
            self.request(self.chance.randrange(assumed.connections), by_hand=True)
        except SyncAlreadyRunning:
            self.found.refused += 1

    def _stop(self, worker: int) -> None:
        self.workers.stop(worker)
        self.at(self.now + Workers.GRACE, self._give_back, worker)

    def _give_back(self, worker: int) -> None:
        """What a stopping worker could not end goes on elsewhere, or was tried often enough."""
        for run in self.workers.abandon(worker):
            self._leave(run)
            self.found.given_back += 1
            if self.people.tries[run.one] + 1 < ATTEMPTS:
                self.people.tries[run.one] += 1
                self._wait(run.one, urgent=False)
            else:
                failures = failures_after(self.people.failures[run.one], GIVEN_UP.event)
                self.people.rest(run.one, self.now, failures)
        self.at(self.now + Workers.AWAY, self._begin, worker)
        self._dispatch()

    def _begin(self, worker: int) -> None:
        self.workers.begin(worker)
        self._dispatch()
