"""Who records an event and whose state it changes, found in the source of the aggregates."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType
from typing import Any

from domain.aggregate import Aggregate
from domain.calendar import Calendar
from domain.connection import Connection
from domain.dead_letter_record import DeadLetterRecord
from domain.event import EVENT_TYPES, Event
from domain.history_access import HistoryAccess, ListAccess
from domain.person import Person
from domain.read_model_record import ReadModelRecord
from domain.sync import Sync

AGGREGATES: tuple[type[Aggregate], ...] = (
    Connection,
    Sync,
    HistoryAccess,
    ListAccess,
    Calendar,
    Person,
    DeadLetterRecord,
    ReadModelRecord,
)


def recorders_of(event: type[Event]) -> list[tuple[type[Aggregate], str]]:
    """The public methods of aggregates that record an event."""
    return [
        (aggregate, method)
        for aggregate in AGGREGATES
        for method in _methods_that_record(aggregate, event.__name__)
    ]


def appliers_of(event: type[Event]) -> list[type[Aggregate]]:
    """The aggregates whose state an event changes."""
    return [
        aggregate
        for aggregate in AGGREGATES
        if event in _events_handled_by(aggregate.evolve, aggregate, set())
    ]


@cache
def parse_source(item: Any) -> ast.Module:
    """The syntax tree of a class or function."""
    return ast.parse(textwrap.dedent(inspect.getsource(item)))


def _methods_that_record(aggregate: type[Aggregate], event: str) -> list[str]:
    methods = {
        name: each
        for name, each in vars(aggregate).items()
        if inspect.isfunction(each) and each.__code__.co_filename == inspect.getfile(aggregate)
    }
    found = {name for name, method in methods.items() if event in _recorded_names(method)}
    while private := {name for name in found if name.startswith("_")}:
        callers = {
            name
            for name, method in methods.items()
            if any(called in private for called, _ in _calls_on_self(method))
        }
        found = found - private | callers
    return [name for name in methods if name in found]


def _recorded_names(method: FunctionType) -> set[str]:
    """The first argument of each call on self, such as `self.trigger_event(GradeChanged, …)`.

    A method can also record the events that a function of the domain builds.
    """
    first_arguments = (call.args[0] for _, call in _calls_on_self(method) if call.args)
    recorded = {argument.id for argument in first_arguments if isinstance(argument, ast.Name)}
    called = (method.__globals__.get(ast.unparse(call.func)) for call in _calls(method))
    builders = (each for each in called if inspect.isgeneratorfunction(each))
    return recorded.union(*(_event_names(builder) for builder in builders))


def _event_names(function: Callable[..., Any]) -> set[str]:
    """The event classes that the source of a function names."""
    names = {node.id for node in ast.walk(parse_source(function)) if isinstance(node, ast.Name)}
    return names & EVENT_TYPES.keys()


def _calls_on_self(function: Callable[..., Any]) -> Iterator[tuple[str, ast.Call]]:
    for call in _calls(function):
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "self":
            yield call.func.attr, call


def _calls(function: Callable[..., Any]) -> Iterator[ast.Call]:
    return (node for node in ast.walk(parse_source(function)) if isinstance(node, ast.Call))


def _events_handled_by(function: Callable[..., Any], owner: type, visited: set[Any]) -> set[type]:
    """The event classes that a function matches, itself or in what it calls in the domain."""
    visited.add(function)
    names = inspect.unwrap(function).__globals__
    events = {each for name in _matched_names(function) for each in _classes_named(name, names)}
    called = [getattr(owner, name, None) for name, _ in _calls_on_self(function)]
    called += [names.get(ast.unparse(call.func)) for call in _calls(function)]
    for each in called:
        if (
            inspect.isfunction(each)
            and each.__module__.startswith("domain.")
            and each not in visited
        ):
            events |= _events_handled_by(each, owner, visited)
    return events


def _matched_names(function: Callable[..., Any]) -> Iterator[str]:
    """Names in `case` patterns and `isinstance` tests; a test that only returns handles nothing."""
    for node in ast.walk(parse_source(function)):
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name):
            yield node.cls.id
        if isinstance(node, ast.If) and not _only_returns(node):
            for call in ast.walk(node.test):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "isinstance":
                    yield from (n.id for n in ast.walk(call.args[1]) if isinstance(n, ast.Name))


def _only_returns(node: ast.If) -> bool:
    first = node.body[0]
    return isinstance(first, ast.Return) and first.value is None


def _classes_named(name: str, names: dict[str, Any]) -> tuple[type, ...]:
    value = names.get(name)
    return value if isinstance(value, tuple) else (value,) if isinstance(value, type) else ()
