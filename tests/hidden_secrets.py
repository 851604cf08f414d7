"""Lets a test begin without the secrets that earlier tests have hidden in the process."""

from infrastructure.observability import redaction


def forget_secrets() -> None:
    """Hide no secret any more."""
    redaction._hidden_parts.clear()
    redaction._hidden_parts_of_ids.clear()
