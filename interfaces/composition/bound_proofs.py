"""Binds the queries that prove the log to the parts of a process that they need."""

from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import ReadPool
from infrastructure.settings.settings import Settings
from interfaces.queries.history_export import HistoryExports
from interfaces.queries.log_proofs import LogProofs
from interfaces.queries.log_verification import LogVerification
from interfaces.queries.proof_protocols import ProofMembers


def proof_members(
    settings: Settings, database_url: str, pool: ReadPool, mapper: Mapper
) -> ProofMembers:
    """Bind the queries; a verification opens a connection of its own."""
    proofs = LogProofs(pool)
    verification = LogVerification(database_url, settings.seal_directory)
    return {
        "signed_checkpoints": proofs.signed_checkpoints,
        "find_event": proofs.find_event,
        "proof_text": proofs.proof_text,
        "log_keys": proofs.key_lines,
        "verify_log": verification.report,
        "export_history": HistoryExports(pool, mapper).export,
    }
