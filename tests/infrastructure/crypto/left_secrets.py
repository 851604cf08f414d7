"""Secrets without an event, as an earlier release left them."""

from uuid import UUID

from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.postgres.execute import SecretStatement, execute
from infrastructure.postgres.pools import WritePool
from tests.fakes import ORIGIN
from tests.infrastructure.event_store.command_processes import CommandProcess

RING = parse_key_ring("hex:" + "0123456789abcdef" * 4)
OLD_TOKEN = "7~a-token-that-was-left"


def store(pool: WritePool, change: SecretStatement) -> None:
    """Store a secret without an event, as an earlier release did."""
    execute(pool, change.statement, change.values)


def store_token(process: CommandProcess, person: UUID, stream: UUID, token: str) -> None:
    store(process.pools.write_pool, process.vault.storing(person, stream, ORIGIN, token))


def store_address(process: CommandProcess, person: UUID) -> None:
    _, change = process.calendars.sharing(person)
    store(process.pools.write_pool, change)
