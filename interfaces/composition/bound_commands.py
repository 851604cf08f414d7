"""Binds commands to the parts that they need, and refuses some while syncing is off."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Concatenate, ParamSpec, TypedDict, TypeVar

from application.person_budget import PersonBudget
from application.ports import Canvas, Queue, Store, Vault
from application.request_sync import QueuedSync, RequestSync, request_sync
from application.rotate_token import RotateToken, rotate_token
from application.set_up_connection import SetUpConnection, set_up_connection
from application.validate_connection import ValidateConnection, validate_connection

C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")

Require = Callable[[], Awaitable[None]]
"""Raises an exception if no command may be executed now."""


class CanvasMembers(TypedDict):
    """Members of Service that contact Canvas, at once or by a run that they request."""

    set_up_connection: Callable[[SetUpConnection], Awaitable[QueuedSync]]
    rotate_token: Callable[[RotateToken], Awaitable[None]]
    validate_connection: Callable[[ValidateConnection], Awaitable[str | None]]
    request_sync: Callable[[RequestSync], Awaitable[QueuedSync]]


def canvas_members(
    require: Require,
    *,
    store: Store,
    vault: Vault,
    canvas: Canvas,
    queue: Queue,
    budget: PersonBudget,
    interval: timedelta,
) -> CanvasMembers:
    """Bind these commands, and execute one only if `require` raises nothing."""
    set_up = bind_ports(
        set_up_connection, store=store, vault=vault, canvas=canvas, queue=queue, budget=budget
    )
    rotate = bind_ports(
        rotate_token, store=store, vault=vault, canvas=canvas, queue=queue, interval=interval
    )
    validate = bind_ports(validate_connection, store=store, vault=vault, canvas=canvas)
    request = bind_ports(request_sync, store=store, queue=queue, interval=interval, budget=budget)
    return {
        "set_up_connection": _refuse_unless(require, set_up),
        "rotate_token": _refuse_unless(require, rotate),
        "validate_connection": _refuse_unless(require, validate),
        "request_sync": _refuse_unless(require, request),
    }


def bind_ports(
    execute: Callable[Concatenate[C, P], Awaitable[R]], *args: P.args, **ports: P.kwargs
) -> Callable[[C], Awaitable[R]]:
    """Return a command without its ports."""

    async def execute_command(command: C) -> R:
        return await execute(command, *args, **ports)

    return execute_command


def _refuse_unless(
    require: Require, execute: Callable[[C], Awaitable[R]]
) -> Callable[[C], Awaitable[R]]:
    async def execute_command(command: C) -> R:
        await require()
        return await execute(command)

    return execute_command
