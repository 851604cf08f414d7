"""Reports the failure of a command: one line on standard error and exit code 1."""

import logging
import re

OWN_PACKAGES = frozenset({"application", "domain", "infrastructure", "interfaces", "projections"})
"""Packages whose exceptions have messages for users."""

ADVICE = "Check DATABASE_URL and the server."
"""What to do when a configured database cannot be used."""


class CommandFailed(Exception):
    """A command cannot do its work; the message names the reason and what to do."""


def report_error(error: BaseException) -> int:
    """Print an error to standard error, with the traceback if LOG_LEVEL is debug.

    It is one line, or one for each problem of the settings.

    Returns 1, the exit code of a failed command.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    from infrastructure.settings.invalid_settings import (  # noqa: PLC0415  # as above
        INTRODUCTION,
        InvalidSettings,
    )
    from interfaces.cli.output import print_error  # noqa: PLC0415  # keeps --help fast

    print_debug_traceback(error)
    if isinstance(error, InvalidSettings) and len(error.problems) > 1:
        print_error(f"easeboard: {INTRODUCTION}")
        for problem in error.problems:
            print_error(f"  {describe_in_one_line(InvalidSettings([problem]))}")
        return 1
    print_error(f"easeboard: {describe_with_advice(error)}")
    return 1


def describe_with_advice(error: BaseException) -> str:
    """Return the message of an error in one line, and what to check if it is about the address."""
    text = describe_in_one_line(error)
    if not text.startswith("The database cannot be reached"):
        return text
    return f"{_without_end(text)}. {ADVICE}"


def print_debug_traceback(error: BaseException) -> None:
    """Print the traceback of an error to standard error if LOG_LEVEL is debug."""
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        from interfaces.cli.output import print_traceback  # noqa: PLC0415  # as above

        print_traceback(error)


def describe_in_one_line(error: BaseException) -> str:
    """Return the message of an error in one line, without secrets.

    To the message of a library it adds what failed, and how to get more details.
    """
    from infrastructure.observability.redaction import redact_text  # noqa: PLC0415  # only failures need it

    text = redact_text(re.sub(r"(?<=:)\s*\n\s*", " ", str(error).strip()))
    text = re.sub(r"\s*\n\s*", "; ", text)
    package = type(error).__module__.partition(".")[0]
    if text and package in OWN_PACKAGES:
        return text
    details = _without_end(text) or "no details"
    hint = "Set LOG_LEVEL=debug to print the traceback."
    if package == "psycopg":
        return f"The database reported an error: {details}. {ADVICE} {hint}"
    return f"Unexpected error: {details}. {hint}"


def _without_end(text: str) -> str:
    """Return the text of another program without the end of its last sentence; ours follows."""
    return text.rstrip(".?! ")
