"""The check of the witnesses of SEAL_WITNESSES: whether they sign, and sign this history."""

import asyncio
from collections.abc import Sequence

from application.clock import utc_now
from infrastructure.seals.seal_keys import verifier_keys
from infrastructure.seals.seal_store import newest_checkpoint
from infrastructure.seals.signatures import VerifierKey
from infrastructure.seals.trust_policy import TrustPolicy
from infrastructure.seals.witness_client.witness_comparison import compare_with_witness
from infrastructure.seals.witness_client.witness_exchange import (
    HistoryContradicted,
    new_witness_session,
)
from infrastructure.seals.witness_client.witness_status import WitnessStatus, load_witness_status
from interfaces.cli.doctor.check import Check, CheckFailed, Installation, Warned
from interfaces.composition.witnesses import witness_policy

TOLERATED_SECONDS = 600
"""Seconds for which a witness may not sign before that is a problem: it may be restarted."""
WHAT_TO_DO = "docs/operations.md, `A witness contradicts the history`, has what to do"


async def check_witnesses(installation: Installation) -> str | Warned:
    """Check that the witnesses sign, and that the database continues what they have signed."""
    policy = witness_policy(installation.settings)
    if policy is None:
        return "none: a history that is replaced as a whole is found by nobody (SEAL_WITNESSES)"
    keys, newest = (
        await verifier_keys(installation.reads),
        await newest_checkpoint(installation.reads),
    )
    if not keys or newest is None:
        return "nothing is sealed yet"
    _require_own_key(policy, keys)
    statuses = await load_witness_status(installation.reads)
    contradictions = await _contradictions(installation, policy, keys)
    contradictions |= {row.name: row.problem or "" for row in statuses if row.is_contradicted}
    if contradictions:
        found = "; ".join(f"{name}: {problem}" for name, problem in contradictions.items())
        raise CheckFailed(f"The history contradicts its witnesses. {found}. {WHAT_TO_DO}.")
    return _describe(policy, statuses, newest.size)


def _require_own_key(policy: TrustPolicy, keys: Sequence[VerifierKey]) -> None:
    named = policy.log_keys
    if named and not set(named) & set(keys):
        raise CheckFailed(
            f"The file of SEAL_WITNESSES names other logs, and not this one: {keys[0]}. Add a line "
            "`log` with that key, or remove the lines of the others."
        )


async def _contradictions(
    installation: Installation, policy: TrustPolicy, keys: Sequence[VerifierKey]
) -> dict[str, str]:
    """Return why the database does not continue what witnesses serve, by their names."""
    names = {witness.url: witness.name for witness in policy.witnesses if witness.url}
    async with new_witness_session() as session:
        results = await asyncio.gather(
            *(compare_with_witness(session, url, installation.reads, keys) for url in names),
            return_exceptions=True,
        )
    found: dict[str, str] = {}
    for name, result in zip(names.values(), results, strict=True):
        if isinstance(result, HistoryContradicted):
            found[name] = str(result)
        elif isinstance(result, BaseException):
            raise result
    return found


def _describe(policy: TrustPolicy, statuses: Sequence[WitnessStatus], size: int) -> str | Warned:
    by_key = {row.vkey: row for row in statuses}
    signed, silent = [], []
    is_late = False
    for witness in policy.witnesses:
        row = by_key.get(str(witness.key))
        if row and row.problem is None:
            signed.append(f"{row.name} has signed {row.size} of {size} events")
        elif row and row.problem_since:
            is_late |= (utc_now() - row.problem_since).total_seconds() > TOLERATED_SECONDS
            silent.append(
                f"{row.name} has not signed since {row.problem_since:%Y-%m-%d %H:%M:%S} UTC: "
                f"{row.problem}"
            )
        elif witness.url is None:
            silent.append(f"{witness.name} has no URL in the policy, so it is never reached")
        else:
            silent.append(
                f"{witness.name} has had no request: a process with the role projector sends them"
            )
    if is_late:
        raise CheckFailed("; ".join(silent) + ".")
    return Warned("; ".join([*silent, *signed])) if silent else "; ".join(signed) or "no witness"


WITNESS_CHECKS = (
    Check("witnesses", check_witnesses, ("database", "migrations", "witness policy")),
)
