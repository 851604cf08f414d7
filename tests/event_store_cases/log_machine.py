"""A state machine of random commands, deaths, late commits, clock steps, failovers and readers.

After each step it compares what readers see with the model of the log.
"""

from contextlib import suppress
from itertools import count
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from application.event_metadata import with_event_metadata
from domain.connection import Connection
from domain.errors import VersionConflict
from domain.log_position import LogPosition
from domain.sync import Sync
from tests.event_store_cases.database_copies import CopiedDatabase
from tests.event_store_cases.log_decisions import (
    ORIGIN,
    advance_run,
    open_connection,
    rotate_token,
)
from tests.event_store_cases.log_model import LogModel, ModelEvent, Token, shown_by
from tests.event_store_cases.log_processes import HeldAppend, LogProcesses
from tests.infrastructure.projection_engine.wait_for_projections import assert_live_equals_rebuilt

PEOPLE = [uuid5(UUID(int=0), f"person {number}") for number in range(3)]
people = st.sampled_from(PEOPLE)
processes = st.integers(0, 1)
_NUMBERS = count(1)


class LogMachine(RuleBasedStateMachine):
    """Two processes and their clients; `copied` is what a failover would leave."""

    pristine: CopiedDatabase

    def __init__(self) -> None:
        super().__init__()
        self.database = self.pristine.clone(f"model_{next(_NUMBERS)}")
        self.parts = LogProcesses(self.database)
        self.model = LogModel()
        self.held: HeldAppend | None = None
        self.copied: list[ModelEvent] | None = None
        self.nth = dict.fromkeys(PEOPLE, 1)

    @initialize()
    def open_all(self) -> None:
        """Begin with open connections, of which a failover loses nothing."""
        for person in PEOPLE:
            self.open(0, person)
        self.copy()

    # Commands

    def connection_id(self, person: UUID) -> UUID:
        return Connection.id_for(person, ORIGIN, self.nth[person])

    def load(self, process: int, person: UUID) -> tuple[Connection, Sync]:
        id_ = self.connection_id(person)
        store = self.parts.stores[process]
        return self.parts.repeated(
            lambda: (
                store.load_blocking(Connection, id_),
                store.load_blocking(Sync, Sync.id_for(id_)),
            )
        )

    def save(self, process: int, person: UUID, *aggregates: Any) -> None:
        """Save, and let the model and a client know what was appended."""
        events = [event for each in aggregates for event in each.pending_events]
        if not events:
            return
        with with_event_metadata("model") as metadata:
            self.parts.stores[process].save_blocking(*aggregates)
        assert metadata.appended
        self.model.append(person, events, metadata.appended)

    def is_free(self, person: UUID) -> bool:
        """Whether no open transaction holds the streams of the person."""
        return self.held is None or self.held.person != person

    def command(self, process: int, person: UUID, decide: Any) -> None:
        """Load, decide and save, again after a conflict, as a command does."""
        if not self.is_free(person):
            return None
        for _ in range(3):
            connection, sync = self.load(process, person)
            decide(connection, sync)
            try:
                return self.save(process, person, connection, sync)
            except VersionConflict:
                continue
        raise AssertionError("a command conflicts with nothing that is left")

    @rule(process=processes, person=people)
    def open(self, process: int, person: UUID) -> None:
        self.command(process, person, lambda own, sync: open_connection(own, sync, person))

    @rule(process=processes, person=people)
    def rotate(self, process: int, person: UUID) -> None:
        self.command(process, person, lambda connection, _: rotate_token(connection))

    @rule(process=processes, person=people)
    def close(self, process: int, person: UUID) -> None:
        if self.is_free(person) and self.load(process, person)[0].exists:
            self.command(process, person, lambda connection, _: connection.close())
            self.nth[person] += 1

    @rule(process=processes, person=people, score=st.integers(0, 400))
    def advance_run(self, process: int, person: UUID, score: int) -> None:
        self.command(process, person, lambda own, sync: advance_run(own, sync, person, score / 4))

    @rule(process=processes, person=people)
    def validate(self, process: int, person: UUID) -> None:
        """Record what decides nothing, at the end of the stream."""
        if not self.is_free(person) or self.load(process, person)[0].status != "active":
            return
        events: list[Any] = []

        def decide(connection: Connection) -> None:
            before = len(connection.pending_events)
            connection.record_validation("Ada")
            events[:] = connection.pending_events[before:]

        place = self.parts.record(process, Connection, self.connection_id(person), decide)
        self.model.append(person, events, place)

    @rule(person=people)
    def decide_on_an_old_state(self, person: UUID) -> None:
        """A decision on a state that is no longer the newest records nothing."""
        if not self.is_free(person) or self.load(0, person)[0].status != "active":
            return
        connection, _ = self.load(0, person)
        connection.rotate_token("42", uuid4().hex[:8])
        self.rotate(1, person)
        with pytest.raises(VersionConflict):
            self.parts.stores[0].save_blocking(connection)

    # Late commits and deaths

    @precondition(lambda self: self.held is None)
    @rule(process=processes, person=people)
    def hold(self, process: int, person: UUID) -> None:
        connection, _ = self.load(process, person)
        if connection.status == "active":
            connection.rotate_token("42", uuid4().hex[:8])
            self.held = self.parts.hold(process, connection)

    @precondition(lambda self: self.held is not None)
    @rule(end=st.sampled_from(["commit", "commit", "roll back", "kill"]))
    def end_held(self, end: str) -> None:
        assert self.held
        held, self.held = self.held, None
        if end == "commit":
            held.connection.commit()
            self.model.append(held.person, held.events, held.place)
        elif end == "kill":
            with self.parts.administrator() as administrator:
                pid = held.connection.info.backend_pid
                administrator.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        elif end == "roll back":
            held.connection.rollback()
        held.connection.close()

    # Clocks and failovers

    @rule(process=processes, person=people, minutes=st.integers(1, 600))
    def rotate_with_wrong_clock(self, process: int, person: UUID, minutes: int) -> None:
        """The newest append has the time of a clock that was wrong."""
        before = self.model.head
        self.rotate(process, person)
        if self.model.head > before:
            self.model.had_wrong_clock = True
            self.parts.set_clock_forward(minutes, self.model.head)

    @rule()
    def copy(self) -> None:
        self.database.take()
        self.drop_held()
        self.copied, self.copied_nth = list(self.model.events), dict(self.nth)
        self.copied_timelines = self.parts.timelines()

    @precondition(lambda self: self.copied is not None)
    @rule(is_another_server=st.booleans())
    def fail_over(self, *, is_another_server: bool) -> None:
        """Everything after the copy is lost; both processes look at the log within seconds."""
        self.follow_all()
        # The log could not see that it is put back on its own server to before a timeline.
        is_another_server |= self.parts.timelines().keys() != self.copied_timelines.keys()
        self.database.put_in_place(is_another_server=is_another_server)
        self.drop_held()
        assert self.copied is not None
        self.model.fail_over(self.copied, self.copied_timelines, by_time=not is_another_server)
        self.nth = dict(self.copied_nth)
        self.follow_all()

    def drop_held(self) -> None:
        if self.held:
            with suppress(psycopg.Error):
                self.held.connection.rollback()
            self.held.connection.close()
            self.held = None

    def follow_all(self) -> None:
        for follower in self.parts.followers:
            self.parts.repeated(follower.follow)

    # Readers

    @rule(process=processes)
    def project(self, process: int) -> None:
        self.parts.project(process)

    @rule(person=people)
    def read(self, person: UUID) -> None:
        """A composed document is what the log was at one place."""
        self.require_prefix(person)

    def require_prefix(self, person: UUID) -> LogPosition | None:
        results, place = self.parts.read(person)
        if place is not None:
            assert shown_by(results) == self.model.shown(person, place.position)
            self.model.tokens.append(Token(place))
        return place

    @precondition(lambda self: bool(self.model.tokens))
    @rule(data=st.data(), person=people)
    def read_with_token(self, data: st.DataObject, person: UUID) -> None:
        """A token that is lost is refused; with another one the read includes it, or waits."""
        token = data.draw(st.sampled_from(self.model.tokens))
        if not self.require_known_unless_lost(token):
            return
        place = self.require_prefix(person)
        if place is not None and place.position >= token.place.position:
            return
        if self.held is None or self.held.place.position > token.place.position:
            self.parts.project_all(token.place.position)
            place = self.require_prefix(person)
            assert place is not None
            assert place.position >= token.place.position

    def require_known_unless_lost(self, token: Token) -> bool:
        """Assert that a token is known if it must be, and refused if it is lost."""
        is_known = self.parts.is_known(token.place)
        details = token, self.parts.timelines(), self.model.positions(self.model.head)
        assert is_known != token.is_lost or (token.is_doubtful and not is_known), details
        return is_known

    # Laws

    @rule(process=processes)
    def follow(self, process: int) -> None:
        """No hole is behind a mark: nothing appears later before what was read."""
        follower = self.parts.followers[process]
        place = self.parts.repeated(follower.follow)
        assert follower.positions == self.model.positions(place.position)
        assert self.held is None or self.held.place.position > place.position

    @invariant()
    def streams_have_no_gaps_and_times_do_not_run_backwards(self) -> None:
        assert self.parts.irregular_events() == []

    def teardown(self) -> None:
        try:
            self.drop_held()
            self.follow_all()
            for follower in self.parts.followers:
                assert follower.positions == self.model.positions(self.model.head)
            self.parts.project_all(self.model.head)
            events = self.parts.recorded_events(self.model.head)
            assert [each.position for each in events] == self.model.positions(self.model.head)
            with psycopg.connect(self.database.url, autocommit=True) as connection:
                assert_live_equals_rebuilt(connection, events)
            for person in PEOPLE:
                assert self.require_prefix(person) is not None
            for token in self.model.tokens:
                self.require_known_unless_lost(token)
        finally:
            self.parts.close()
            self.database.drop()
