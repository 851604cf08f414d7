"""How a command fails: one line on standard error, and exit code 1."""

import logging
import re
import sys
import traceback

OWN_PACKAGES = frozenset({"application", "domain", "infrastructure", "interfaces", "projections"})


class CommandFailed(Exception):
    """The command cannot do its job; the message says why and names the way out."""


def report_error(error: BaseException) -> int:
    """Say what went wrong, with the traceback only where LOG_LEVEL is debug; returns 1."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
    print(f"easeboard: {describe_in_one_line(error)}", file=sys.stderr)
    return 1


def describe_in_one_line(error: BaseException) -> str:
    """What an error says, without secrets; with its kind where the words are not ours."""
    from infrastructure.observability.logging import redact_value  # noqa: PLC0415  # commands that work need it not

    text = redact_value("", re.sub(r"(?<=:)\s*\n\s*", " ", str(error).strip()))
    text = re.sub(r"\s*\n\s*", "; ", str(text))
    if text and type(error).__module__.partition(".")[0] in OWN_PACKAGES:
        return text
    return f"{type(error).__name__}: {text or 'no reason given'} (LOG_LEVEL=debug tells more)"
