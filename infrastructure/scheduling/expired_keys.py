"""Deletes expired idempotency keys, also when no request stores another one."""

import asyncio

import structlog

from infrastructure.idempotency_keys import IdempotencyKeys
from infrastructure.postgres.errors import DATABASE_ERRORS

EXPIRY_INTERVAL_SECONDS = 300.0
"""Seconds between two deletions."""

logger = structlog.get_logger(__name__)


async def delete_expired_keys(keys: IdempotencyKeys) -> None:
    """Delete expired keys now and every five minutes, until cancelled.

    Several processes may do it: each skips the rows that another one deletes.
    """
    while True:
        try:
            await keys.delete_expired()
        except DATABASE_ERRORS as error:
            logger.warning("expired_keys_not_deleted", reason=str(error))
        await asyncio.sleep(EXPIRY_INTERVAL_SECONDS)
