"""Sends each new signed checkpoint to the witnesses of the policy, beside the sealer."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import structlog
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.seal_store import SealedCheckpoint, TilesMissing, newest_checkpoint
from infrastructure.seals.signatures import SignatureWrong, VerifierKey
from infrastructure.seals.signed_note import NoteMalformed, NoteUnsigned, open_note
from infrastructure.seals.tiles import TileMissing
from infrastructure.seals.trust_policy import PolicyWitness, TrustPolicy
from infrastructure.seals.witness_client.cosignature_request import (
    Cosignature,
    CosignatureRequest,
    obtain_cosignatures,
    prove_consistency,
)
from infrastructure.seals.witness_client.witness_exchange import (
    HistoryContradicted,
    WitnessSilent,
    new_witness_session,
)
from infrastructure.seals.witness_client.witness_status import (
    forget_other_witnesses,
    load_witness_status,
    store_cosignatures,
    store_problem,
)
from infrastructure.seals.witness_client.witnessed_file import WitnessedFile

POLL_SECONDS = 0.5
"""Seconds between two looks for a new checkpoint."""
MIN_INTERVAL_SECONDS = 3.0
"""Seconds between two requests to a witness."""
MAX_INTERVAL_SECONDS = 300.0
"""Seconds between two requests to a witness that goes on failing."""
WITNESS_LEASE_SECONDS = 15.0
"""Seconds until the lease of a process that died expires."""

logger = structlog.get_logger()


class Pace(NamedTuple):
    """The seconds between two requests to a witness, and at most while it fails."""

    interval: float = MIN_INTERVAL_SECONDS
    max_interval: float = MAX_INTERVAL_SECONDS

    def after_failures(self, failures: int) -> float:
        """Return the seconds until the next request: doubled by each failure, with jitter."""
        seconds: float = min(self.max_interval, self.interval * 2 ** min(failures, 16))
        return seconds * random.uniform(0.8, 1.0) if failures else seconds  # noqa: S311  # no secret


class _Endpoint:
    """A URL, the keys of the policy that sign there, and when the next request is due."""

    def __init__(self, url: str, witnesses: Sequence[PolicyWitness]) -> None:
        self.url, self.witnesses = url, tuple(witnesses)
        self.size = 0
        self.failures = 0
        self.due_at = 0.0
        self.task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        return self.task is not None and not self.task.done()


class WitnessRounds:
    """Obtains cosignatures while its lease is held; a slow witness delays no other one."""

    def __init__(
        self,
        policy: TrustPolicy,
        *,
        read_pool: ReadPool,
        write_pool: AsyncConnectionPool[Any],
        on_signed: Callable[[], None] = lambda: None,
        directory: Path | None = None,
        pace: Pace | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Create them; `on_signed` is called when a checkpoint has more signatures than before.

        In `directory` the newest checkpoint that satisfies the policy is published.
        """
        self._policy, self._pace, self._now = policy, pace or Pace(), now
        self._on_signed = on_signed
        self._publication = WitnessedFile(directory, policy, read_pool) if directory else None
        self._read_pool, self._write_pool = read_pool, write_pool
        self._is_published = False
        self._endpoints = _endpoints_of(policy)

    async def run(self, lease: Lease) -> None:
        """Send each new checkpoint to the witnesses until cancelled."""
        if not self._endpoints:
            logger.warning("no_witness_has_a_url")
            await asyncio.Event().wait()
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(new_witness_session())
            stack.push_async_callback(self._cancel_requests)
            await stack.enter_async_context(lease.maintain())
            is_loaded = False
            while True:
                try:
                    if lease.is_held:
                        is_loaded = is_loaded or await self._load_sizes()
                        await self.request_missing(session)
                        await self._publish()
                except DATABASE_ERRORS as error:
                    logger.warning("witnesses_wait_for_database", reason=str(error))
                await asyncio.sleep(POLL_SECONDS)

    async def request_missing(self, session: aiohttp.ClientSession) -> None:
        """Start a request to each witness that has not signed the newest checkpoint.

        Raises: errors of psycopg and its pool.
        """
        checkpoint = await newest_checkpoint(self._read_pool)
        if checkpoint is None:
            return
        signed = _signed_keys(checkpoint, self._policy)
        clock = asyncio.get_running_loop().time()
        for endpoint in self._endpoints:
            is_missing = any(witness.key not in signed for witness in endpoint.witnesses)
            if is_missing and not endpoint.is_busy and clock >= endpoint.due_at:
                endpoint.due_at = clock + self._pace.interval
                endpoint.task = asyncio.create_task(self._request(session, endpoint, checkpoint))

    async def wait_for_requests(self) -> None:
        """Wait until no request is under way."""
        tasks = [endpoint.task for endpoint in self._endpoints if endpoint.task]
        if tasks:
            await asyncio.wait(tasks)

    async def _publish(self) -> None:
        if self._publication and not self._is_published:
            self._is_published = await self._publication.publish_newest()

    async def _load_sizes(self) -> bool:
        await forget_other_witnesses(self._write_pool, self._policy.witness_keys)
        sizes = {row.vkey: row.size for row in await load_witness_status(self._read_pool)}
        for endpoint in self._endpoints:
            endpoint.size = max(sizes.get(str(each.key), 0) for each in endpoint.witnesses)
        return True

    async def _request(
        self, session: aiohttp.ClientSession, endpoint: _Endpoint, checkpoint: SealedCheckpoint
    ) -> None:
        """Obtain and store the signatures of one endpoint; every failure is recorded."""
        try:
            try:
                await self._obtain(session, endpoint, checkpoint)
            except WitnessSilent as error:
                await self._fail(endpoint, str(error), is_contradicted=False)
            except HistoryContradicted as error:
                newest = await newest_checkpoint(self._read_pool)
                is_sent_late = error.size and newest and error.size <= newest.size
                if not is_sent_late:
                    await self._fail(endpoint, str(error), is_contradicted=True)
            except (TilesMissing, TileMissing) as error:
                await self._fail(endpoint, f"no proof can be made: {error}", is_contradicted=False)
        except DATABASE_ERRORS as error:
            logger.warning("witnesses_wait_for_database", reason=str(error))

    async def _obtain(
        self, session: aiohttp.ClientSession, endpoint: _Endpoint, checkpoint: SealedCheckpoint
    ) -> None:
        keys = {witness.key: witness for witness in endpoint.witnesses}
        request = CosignatureRequest(endpoint.url, list(keys), endpoint.size, checkpoint)

        async def prove(old_size: int, size: int) -> list[bytes]:
            return await prove_consistency(self._read_pool, old_size, size)

        found = await obtain_cosignatures(session, request, prove, self._now())
        signed = [(keys[each.key], each) for each in found]
        await store_cosignatures(self._write_pool, checkpoint.size, checkpoint.root, signed)
        endpoint.size = checkpoint.size
        self._is_published = False
        self._on_signed()
        await self._finish(endpoint, found)

    async def _finish(self, endpoint: _Endpoint, found: Sequence[Cosignature]) -> None:
        signed = {each.key for each in found}
        silent = [each for each in endpoint.witnesses if each.key not in signed]
        if silent:
            endpoint.failures += 1
            problem = "it signs with other keys, and not with this one"
            await store_problem(self._write_pool, silent, problem, is_contradicted=False)
        else:
            endpoint.failures = 0
        self._plan(endpoint)

    async def _fail(self, endpoint: _Endpoint, problem: str, *, is_contradicted: bool) -> None:
        endpoint.failures += 1
        self._plan(endpoint)
        names = [witness.name for witness in endpoint.witnesses]
        if is_contradicted:
            logger.error("history_contradicted", witnesses=names, reason=problem)
        else:
            logger.warning("witness_did_not_sign", witnesses=names, reason=problem)
        await store_problem(
            self._write_pool, endpoint.witnesses, problem, is_contradicted=is_contradicted
        )

    def _plan(self, endpoint: _Endpoint) -> None:
        clock = asyncio.get_running_loop().time()
        endpoint.due_at = clock + self._pace.after_failures(endpoint.failures)

    async def _cancel_requests(self) -> None:
        for endpoint in self._endpoints:
            if endpoint.task:
                endpoint.task.cancel()
        await self.wait_for_requests()


def _endpoints_of(policy: TrustPolicy) -> list[_Endpoint]:
    """Return the URLs of a policy; an Ed25519 and an ML-DSA-44 key often share one."""
    by_url: dict[str, list[PolicyWitness]] = {}
    for witness in policy.witnesses:
        if witness.url is not None:
            by_url.setdefault(witness.url, []).append(witness)
    return [_Endpoint(url, witnesses) for url, witnesses in by_url.items()]


def _signed_keys(checkpoint: SealedCheckpoint, policy: TrustPolicy) -> frozenset[VerifierKey]:
    """Return the keys of witnesses whose signatures a checkpoint has; none if one is wrong."""
    try:
        return frozenset(open_note(checkpoint.note, policy.witness_keys).signatures)
    except (NoteMalformed, NoteUnsigned, SignatureWrong):
        return frozenset()
