"""The set-ups of one person follow each other, however slow a Canvas is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Scope

from interfaces.http.context import app_state_of
from interfaces.http.middleware.admission_control import (
    owner_of,
    problem_of_refusal,
    slot_released,
)
from interfaces.http.middleware.concurrency_limiter import LimiterFull

SET_UP_DETAIL = (
    "An earlier set-up of yours waits for its Canvas. Wait for its response, or retry after"
    " 1 second."
)


@asynccontextmanager
async def turn_to_set_up(scope: Scope) -> AsyncIterator[None]:
    """Wait for the turn of a set-up without a slot, and have it during the block.

    It begins after the idempotency key is claimed, so a repeated request is answered meanwhile.

    Raises: Problem `rate-limited` if earlier set-ups of the person take too long; Problem
    `overloaded` if those of all people do.
    """
    limiter, owner = app_state_of(scope).set_up_turns, owner_of(scope)
    turn = limiter.try_acquire(owner)
    try:
        if turn is None:
            async with slot_released(scope):
                turn = await limiter.acquire(owner)
        yield
    except LimiterFull as refusal:
        raise problem_of_refusal(refusal, SET_UP_DETAIL) from None
    finally:
        if turn:
            turn.release()
