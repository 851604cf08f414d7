"""The policy file of C2SP tlog-policy: logs, witnesses, and how many of them must have signed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from infrastructure.seals.signatures import VerifierKey
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import open_note

NO_QUORUM = "none"
MAX_TIME = 2**63 - 1
"""The largest time that a cosignature may have, in seconds since 1970."""


class PolicyNotSatisfied(ValueError):
    """A checkpoint lacks a signature of a log, or those of enough witnesses."""


class PolicyLog(NamedTuple):
    """A log whose checkpoints are accepted; the name of its key is the origin of the log."""

    key: VerifierKey
    url: str | None = None


class PolicyWitness(NamedTuple):
    """A witness. Its name has a meaning in the policy file only."""

    name: str
    key: VerifierKey
    url: str | None = None
    """Where it takes checkpoints: `<url>/add-checkpoint`."""


class PolicyGroup(NamedTuple):
    """A group, which counts as a witness if at least `threshold` of its members do."""

    name: str
    threshold: int
    members: tuple[str, ...]


class CosignedCheckpoint(NamedTuple):
    """A checkpoint that satisfies a policy, and who has signed it."""

    checkpoint: Checkpoint
    log_keys: tuple[VerifierKey, ...]
    cosigned: Mapping[PolicyWitness, int]
    """The time of each witness's signature, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Which logs and witnesses are trusted, and which witnesses must have signed a checkpoint."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    """Each refers to witnesses and to groups before it only."""
    quorum: str
    """The name of a witness or of a group, or `none`."""

    @property
    def log_keys(self) -> tuple[VerifierKey, ...]:
        """The keys of the logs."""
        return tuple(log.key for log in self.logs)

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """The keys of the witnesses."""
        return tuple(witness.key for witness in self.witnesses)

    def is_satisfied(self, cosigned: Iterable[VerifierKey]) -> bool:
        """Return whether signatures of these keys are enough for the quorum."""
        if self.quorum == NO_QUORUM:
            return True
        keys = frozenset(cosigned)
        counted = {witness.name for witness in self.witnesses if witness.key in keys}
        for group in self.groups:
            if sum(member in counted for member in group.members) >= group.threshold:
                counted.add(group.name)
        return self.quorum in counted

    def cosigned_of(self, times: Mapping[VerifierKey, int | None]) -> dict[PolicyWitness, int]:
        """Return the witnesses among the keys of an opened note, with the times they signed.

        A signature without a time states nothing of a witness and does not count.
        """
        return {
            witness: time
            for witness in self.witnesses
            if 0 < (time := times.get(witness.key) or 0) <= MAX_TIME
        }

    def verify(self, note: bytes, log_keys: Iterable[VerifierKey] = ()) -> CosignedCheckpoint:
        """Return the checkpoint of a note that satisfies the policy.

        `log_keys` are the keys of logs that are trusted beside those of the policy.

        Raises: PolicyNotSatisfied; NoteMalformed, NoteUnsigned, SignatureWrong,
            CheckpointMalformed.
        """
        of_logs = (*self.log_keys, *log_keys)
        opened = open_note(note, (*of_logs, *self.witness_keys))
        checkpoint = Checkpoint.parse(opened.text)
        signed = tuple(
            key
            for key in dict.fromkeys(of_logs)
            if key in opened.signatures and key.name == checkpoint.origin
        )
        if not signed:
            raise PolicyNotSatisfied(
                f"the checkpoint of {checkpoint.origin} is not signed by a log of the policy"
            )
        cosigned = self.cosigned_of(opened.signatures)
        if not self.is_satisfied(witness.key for witness in cosigned):
            names = ", ".join(witness.name for witness in cosigned) or "no witness"
            raise PolicyNotSatisfied(
                f"the checkpoint of {checkpoint.size} entries has signatures of {names}; "
                f"the policy requires the quorum `{self.quorum}`"
            )
        return CosignedCheckpoint(checkpoint, signed, cosigned)
