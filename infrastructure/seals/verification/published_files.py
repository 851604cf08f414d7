"""The public keys and the checkpoint among the published files, and what is wrong with them."""

from collections.abc import Sequence
from pathlib import Path

from infrastructure.seals.seal_directory import (
    CHECKPOINT_FILE,
    VKEY_FILE,
    checkpoint_missing,
)
from infrastructure.seals.signatures import KeyMalformed, VerifierKey, parse_vkey
from infrastructure.seals.verification.anchors import NOTE_ERRORS, Anchor, open_anchor
from infrastructure.seals.verification.findings import Finding, Findings


def published_keys(folder: Path | None, findings: Findings) -> list[VerifierKey]:
    """Return the keys of the file `vkey`; empty if it is not there or cannot be read."""
    path = folder / VKEY_FILE if folder else None
    if path is None or not path.is_file():
        return []
    try:
        return [parse_vkey(line) for line in path.read_text().splitlines() if line.strip()]
    except (KeyMalformed, UnicodeDecodeError) as error:
        detail = f"The published file vkey cannot be used: {error}."
        findings.add(Finding(kind="key unknown", detail=detail))
        return []


def published_anchor(
    folder: Path | None, keys: Sequence[VerifierKey], findings: Findings
) -> Anchor | None:
    """Return the published checkpoint; None if nothing is published, or if it was changed."""
    if folder is None:
        return None
    if missing := checkpoint_missing(folder):
        findings.add(Finding(kind="checkpoint missing", detail=missing))
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        return None
    try:
        return open_anchor("published", path.read_bytes(), keys)
    except NOTE_ERRORS as error:
        detail = f"The published file checkpoint was changed: {error}."
        findings.add(Finding(kind="checkpoint rewritten", detail=detail))
        return None
