"""Decides on a checkpoint as a witness does, and cosigns it (C2SP tlog-witness)."""

import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from http import HTTPStatus
from typing import NamedTuple

from infrastructure.seals.add_checkpoint import (
    SIZE_MEDIA_TYPE,
    AddCheckpoint,
    AddCheckpointMalformed,
)
from infrastructure.seals.merkle import EMPTY_ROOT, ProofInvalid, verify_consistency
from infrastructure.seals.signatures import SignatureWrong, SigningKey, VerifierKey
from infrastructure.seals.signed_checkpoint import Checkpoint, CheckpointMalformed
from infrastructure.seals.signed_note import (
    NoteMalformed,
    NoteUnsigned,
    add_signatures,
    open_note,
    sign_text,
    split_note,
)
from infrastructure.seals.witness.cosigned_checkpoints import Cosigned, CosignedCheckpoints

TEXT_MEDIA_TYPE = "text/plain; charset=utf-8"


class Decision(NamedTuple):
    """The answer to a request: a status code of the specification, and its body."""

    status: HTTPStatus
    body: bytes
    media_type: str = TEXT_MEDIA_TYPE
    origin: str | None = None
    """The log, if its signature is right."""


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, reason: str, origin: str | None = None) -> None:
        self.decision = Decision(status, f"{reason}\n".encode(), origin=origin)


class Cosigner:
    """A witness of some logs. Its methods block: they verify, sign and wait for the disk."""

    def __init__(
        self,
        logs: Sequence[VerifierKey],
        keys: Sequence[SigningKey],
        state: CosignedCheckpoints,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._log_keys: dict[str, list[VerifierKey]] = {}
        for log in logs:
            self._log_keys.setdefault(log.name, []).append(log)
        self._origins = {sha256(name.encode()).hexdigest(): name for name in self._log_keys}
        self._keys, self._state, self._now = keys, state, now

    def add_checkpoint(self, body: bytes) -> Decision:
        """Cosign the checkpoint of a request, or decide why not.

        The checkpoint is durable in the state before this returns.
        """
        try:
            request = AddCheckpoint.parse(body)
            text, checkpoint = self._open(request.note)
            return self._cosign(request, text, checkpoint)
        except _Refused as refused:
            return refused.decision
        except (AddCheckpointMalformed, NoteMalformed, CheckpointMalformed) as error:
            return Decision(HTTPStatus.BAD_REQUEST, f"{error}\n".encode())

    def newest_checkpoint(self, origin_hash: str) -> Decision:
        """Return the newest cosigned checkpoint of a log, by the SHA-256 of its origin in hex."""
        origin = self._origins.get(origin_hash)
        newest = self._state.newest(origin) if origin is not None else None
        if newest is None:
            reason = b"no checkpoint of this log was cosigned\n"
            return Decision(HTTPStatus.NOT_FOUND, reason, origin=origin)
        return Decision(HTTPStatus.OK, newest.note, origin=origin)

    def _open(self, note: bytes) -> tuple[bytes, Checkpoint]:
        """Return the text of a checkpoint that is signed by its log."""
        text, _ = split_note(note)
        checkpoint = Checkpoint.parse(text)
        keys = self._log_keys.get(checkpoint.origin)
        if keys is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "this witness does not serve this log")
        try:
            open_note(note, keys)
        except (NoteUnsigned, SignatureWrong) as error:
            raise _Refused(HTTPStatus.FORBIDDEN, str(error)) from error
        return text, checkpoint

    def _cosign(self, request: AddCheckpoint, text: bytes, checkpoint: Checkpoint) -> Decision:
        origin = checkpoint.origin
        if request.old_size > checkpoint.size:
            raise _Refused(
                HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint", origin
            )
        with self._state.change(origin) as change:
            size = change.newest.size if change.newest else 0
            if request.old_size != size:
                body = f"{size}\n".encode()
                return Decision(HTTPStatus.CONFLICT, body, SIZE_MEDIA_TYPE, origin)
            _require_consistency(request, checkpoint, change.newest)
            seconds = int(self._now())
            lines = [sign_text(text, key, seconds) for key in self._keys]
            note = add_signatures(self._without_others(request.note, text, origin), lines)
            change.set(Cosigned(checkpoint.size, checkpoint.root, note))
        body = "".join(f"{line}\n" for line in lines).encode()
        return Decision(HTTPStatus.OK, body, origin=origin)

    def _without_others(self, note: bytes, text: bytes, origin: str) -> bytes:
        """Return a note with the signatures of the log only: others are not verified."""
        known = {(key.name, key.key_id) for key in self._log_keys[origin]}
        _, lines = split_note(note)
        of_log = [line for line in lines if (line.name, line.key_id) in known]
        return add_signatures(text + b"\n", of_log)


def _require_consistency(
    request: AddCheckpoint, checkpoint: Checkpoint, newest: Cosigned | None
) -> None:
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise _Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "a tree without entries has another root",
            checkpoint.origin,
        )
    root = newest.root if newest else EMPTY_ROOT
    try:
        verify_consistency(request.old_size, checkpoint.size, request.proof, root, checkpoint.root)
    except ProofInvalid as error:
        reason = f"the checkpoint does not continue the one of {request.old_size} entries: {error}"
        raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, reason, checkpoint.origin) from error
