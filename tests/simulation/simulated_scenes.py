"""Two bad days of a Canvas host with 10,000 connections: it is away, or it revokes every token."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.simulation.assumptions import Assumptions
from tests.simulation.institutions import HOUR_SECONDS, HostBehaviour, Outage
from tests.simulation.live_message_count import LiveMessageCount
from tests.simulation.outcomes import COMPLETED, Outcome
from tests.simulation.simulate import simulate
from tests.simulation.workers import SimulatedRun
from tests.simulation.world import World

HOST = 0
"""The host of the scene, the largest one; the others respond as always."""
SCENE = Assumptions(
    connections=10_150,
    institutions=3,
    zipf=6.0,
    workers=2,
    start_hour=0,
    warm_up=0.25,
    samples=30,
    shared_tokens=0,
    manual_syncs=0,
    outages=0,
    large_outage=0,
    deploys=0,
)
BEGINS_AT = SCENE.warm_up * HOUR_SECONDS
NEW_TOKEN_INTERVAL_SECONDS = 7.0
"""Between two people who enter a new token."""


class EndedRun(NamedTuple):
    """A run that has ended; times are in seconds of the simulation."""

    connection: int
    host: int
    started_at: float
    ended_at: float
    requests: int
    outcome: Outcome
    is_manual: bool


@dataclass
class Scene:
    """What happened: from BEGINS_AT to `ends_at` the host did not serve its connections."""

    ends_at: float
    hosts: list[int] = field(default_factory=list)
    """The host of each connection."""
    runs: list[EndedRun] = field(default_factory=list)
    messages: LiveMessageCount = field(default_factory=LiveMessageCount)
    token_entered_at: dict[int, float] = field(default_factory=dict)

    def observe(self, world: World) -> None:
        """Record every run of a world, and the messages about scheduled ones during the scene."""
        self.hosts = list(world.connections.hosts)

        def observe_run(run: SimulatedRun) -> None:
            is_manual = bool(world.connections.is_manual[run.connection])
            ended = EndedRun(
                run.connection,
                run.host,
                run.started_at,
                world.now,
                run.cost.requests,
                run.outcome,
                is_manual,
            )
            self.runs.append(ended)
            if run.host == HOST and world.now < self.ends_at and not is_manual:
                self.messages.add(run.connection, run.outcome)

        world.observe_run = observe_run

    @property
    def connections(self) -> list[int]:
        """The connections of the host."""
        return [connection for connection, host in enumerate(self.hosts) if host == HOST]

    def failed_runs(self) -> list[EndedRun]:
        """Return the runs at the host that failed, in the order in which they started."""
        failed = [run for run in self.runs if run.host == HOST and run.outcome is not COMPLETED]
        return sorted(failed, key=lambda run: run.started_at)

    def runs_with_requests(self) -> list[EndedRun]:
        """Return the failed runs that sent requests, in the order in which they started."""
        return [run for run in self.failed_runs() if run.requests]

    def first_completion_after(self, since: float) -> dict[int, float]:
        """Return when each connection of the host was first read by a run started after `since`."""
        times: dict[int, float] = {}
        for run in self.runs:
            if run.host == HOST and run.outcome is COMPLETED and run.started_at >= since:
                times.setdefault(run.connection, run.ended_at)
        return times


def play_host_away(
    behaviour: HostBehaviour,
    *,
    hours: float = 48,
    after: float = 1,
    connections: int = SCENE.connections,
    manual_sync_after: float | None = None,
) -> Scene:
    """Simulate a host that hangs or refuses for some hours, and the hours `after` its return.

    One person requests a sync `manual_sync_after` seconds after the return.
    """
    scene = Scene(BEGINS_AT + hours * HOUR_SECONDS)

    def prepare(world: World) -> None:
        world.hosts.outages[HOST] = Outage(BEGINS_AT, scene.ends_at, behaviour)
        scene.observe(world)
        if manual_sync_after is not None:
            at, first = scene.ends_at + manual_sync_after, scene.connections[0]
            world.schedule(at, lambda: world.request_sync(first, is_manual=True))

    simulate(replace(SCENE, connections=connections, hours=hours + after), prepare=prepare)
    return scene


def play_tokens_revoked(*, hours: float = 6, new_tokens: int = 300) -> Scene:
    """Simulate a host that revokes every token, and people who enter new ones meanwhile.

    They enter them from half an hour on, while other connections have not been read yet.
    """
    scene = Scene(BEGINS_AT + hours * HOUR_SECONDS)

    def prepare(world: World) -> None:
        scene.observe(world)
        world.schedule(BEGINS_AT, revoke_tokens, world)
        for nth in range(new_tokens):
            seconds = HOUR_SECONDS / 2 + nth * NEW_TOKEN_INTERVAL_SECONDS
            world.schedule(BEGINS_AT + seconds, enter_new_token, world, scene)

    simulate(replace(SCENE, hours=hours), prepare=prepare)
    return scene


def revoke_tokens(world: World) -> None:
    """Revoke the tokens of all connections of the host."""
    for connection, host in enumerate(world.connections.hosts):
        world.connections.has_revoked_token[connection] |= host == HOST


def enter_new_token(world: World, scene: Scene) -> None:
    """Replace the token of a random connection that was rejected; a run is queued at once."""
    rejected = [nth for nth, flag in enumerate(world.connections.is_rejected) if flag]
    connection = world.rng.choice(rejected)
    world.connections.has_revoked_token[connection] = 0
    world.connections.is_rejected[connection] = 0
    scene.token_entered_at[connection] = world.now
    world.request_sync(connection, is_manual=True)
