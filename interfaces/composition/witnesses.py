"""Builds what obtains the signatures of witnesses, in a process with the role projector."""

from infrastructure.postgres.lease import Lease
from infrastructure.seals.trust_policy import TrustPolicy
from infrastructure.seals.witness_client.witness_policy import read_witness_policy
from infrastructure.seals.witness_client.witness_rounds import WITNESS_LEASE_SECONDS, WitnessRounds
from infrastructure.settings.settings import Settings
from interfaces.composition.process import Process


def witness_policy(settings: Settings) -> TrustPolicy | None:
    """Return the policy of SEAL_WITNESSES; None if it is not set.

    Raises: WitnessPolicyUnusable.
    """
    file = settings.seal_witnesses
    return read_witness_policy(file.expanduser()) if file else None


async def run_witness_rounds(policy: TrustPolicy, process: Process) -> None:
    """Obtain signatures in one process at a time, until cancelled."""
    rounds = WitnessRounds(
        policy,
        read_pool=process.pools.read_pool,
        write_pool=process.queue.pool,
        on_signed=process.sealing.request_publication,
        directory=process.settings.seal_directory,
    )
    name, pool = process.queue.heartbeats.process_name, process.queue.pool
    await rounds.run(Lease("witnesses", name, pool, seconds=WITNESS_LEASE_SECONDS))
