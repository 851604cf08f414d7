"""What a process does at its start if the log has lost events that something else still has."""

import asyncio

import structlog

from infrastructure.event_store.lost_events import read_log_state
from infrastructure.postgres.errors import DatabaseReadOnly
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import Pools

ADVANCE_POSITION = "SELECT easeboard.advance_position()"

BEGIN_TIMELINE = """
SELECT easeboard.begin_timeline(easeboard.current_timeline(), clock_timestamp())
"""

logger = structlog.get_logger()


async def repair_log(pools: Pools) -> None:
    """Log what is lost, and make it safe to go on: nothing counts as a place of a lost event.

    New events get positions after the newest one, and a timeline begins: tokens of lost events are
    refused, and read models with their rows are built again.
    """
    state = await read_log_state(pools.read_pool)
    for loss in state.losses():
        logger.warning(
            "log.went_backwards",
            part=loss.part,
            found=loss.found,
            meaning=loss.meaning,
            way_out=loss.way_out,
        )
    statements = [ADVANCE_POSITION] if state.needs_positions else []
    if state.needs_timeline:
        statements.append(BEGIN_TIMELINE)
    for statement in statements:
        try:
            await asyncio.to_thread(execute, pools.write_pool, statement, [])
        except DatabaseReadOnly as obstacle:
            logger.warning("log.not_repaired", reason=str(obstacle))
