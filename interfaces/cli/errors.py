"""How a command fails: one line on standard error, and exit code 1."""

import logging
import re
import sys
import traceback

OURS = frozenset({"application", "domain", "infrastructure", "interfaces", "projections"})


class Failure(Exception):
    """The command cannot do its job; the message says why and names the way out."""


def report(error: BaseException) -> int:
    """Say what went wrong, with the traceback only where LOG_LEVEL is debug; returns 1."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
    print(f"easeboard: {one_line(error)}", file=sys.stderr)
    return 1


def one_line(error: BaseException) -> str:
    """What an error says, without secrets; with its kind where the words are not ours."""
    from infrastructure.observability.logging import redacted  # noqa: PLC0415  # commands that work need it not

    said = redacted("", re.sub(r"(?<=:)\s*\n\s*", " ", str(error).strip()))
    said = re.sub(r"\s*\n\s*", "; ", str(said))
    if said and type(error).__module__.partition(".")[0] in OURS:
        return said
    return f"{type(error).__name__}: {said or 'no reason given'} (LOG_LEVEL=debug tells more)"
