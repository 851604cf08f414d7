"""Makes every check, whatever the others find, and prints the results."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

from infrastructure.settings.invalid_settings import InvalidSettings
from infrastructure.settings.settings import Settings
from interfaces.cli.demo_option import selected_demo
from interfaces.cli.doctor.check import (
    Check,
    CheckFailed,
    CheckResult,
    Installation,
    NotApplicable,
    Warned,
)
from interfaces.cli.doctor.configuration_checks import CONFIGURATION_CHECKS
from interfaces.cli.doctor.database_checks import DATABASE_CHECKS, open_installed_database
from interfaces.cli.doctor.erasure_checks import ERASURE_CHECKS
from interfaces.cli.doctor.outward_checks import OUTWARD_CHECKS
from interfaces.cli.doctor.seal_checks import SEAL_CHECKS
from interfaces.cli.doctor.service_checks import SERVICE_CHECKS
from interfaces.cli.doctor.witness_checks import WITNESS_CHECKS
from interfaces.cli.errors import describe_in_one_line, print_debug_traceback
from interfaces.cli.output import Styled, print_json, print_line, print_table
from interfaces.cli.runtime import configure_silently, run

CHECK_TIMEOUT_SECONDS = 20.0
"""Seconds for one check; the server of a database may accept a connection and then be silent."""

FAILED = "Some checks failed: correct them, and run easeboard doctor again."


def run_doctor(*, json: bool) -> None:
    """Print the result of every check; change nothing.

    Raises: SystemExit with exit code 1 if a check failed.
    """
    results = run(_make_all_checks())
    healthy = all(result.ok for result in results)
    if json:
        print_json({"ok": healthy, "checks": [result._asdict() for result in results]})
    else:
        print_table(
            ["check", "result", "details"],
            [(result.check, _label(result), result.detail) for result in results],
        )
        print_line("All checks passed." if healthy else FAILED)
    if not healthy:
        raise SystemExit(1)


def _label(result: CheckResult) -> Styled | str:
    if result.ok is None:
        return "not checked"
    if result.ok:
        return Styled("warning", "yellow") if result.warning else Styled("ok", "green")
    return Styled("failed", "red")


async def _make_all_checks() -> list[CheckResult]:
    settings, configuration, malformed = _read_configuration()
    if settings is None:
        return [configuration]
    absent = dict.fromkeys(malformed, configuration)
    async with AsyncExitStack() as stack:
        database = Check(
            "database", partial(open_installed_database, stack), ("database_url", "home")
        )
        checks = (
            *CONFIGURATION_CHECKS,
            *OUTWARD_CHECKS,
            database,
            *DATABASE_CHECKS,
            *SERVICE_CHECKS,
            *ERASURE_CHECKS,
            *SEAL_CHECKS,
            *WITNESS_CHECKS,
        )
        installation = Installation(settings)
        others = [result async for result in _make_checks(installation, checks, absent)]
    return [configuration, *others]


def _read_configuration() -> tuple[Settings | None, CheckResult, frozenset[str]]:
    """Read the settings for the other checks, and return which of them are malformed.

    Without settings there are no other checks.
    """
    try:
        settings = configure_silently()
    except InvalidSettings as error:
        failed = CheckResult("configuration", False, describe_in_one_line(error))
        if not error.names:
            return None, failed, error.names
        return configure_silently(**Settings.instead_of(error.names)), failed, error.names
    if selected_demo():
        database = "database of the demo that runs"
    elif settings.embedded:
        database = f"embedded database in {settings.home} (EASEBOARD_HOME)"
    else:
        database = "database of DATABASE_URL"
    return settings, CheckResult("configuration", True, database), frozenset()


async def _make_checks(
    installation: Installation, checks: tuple[Check, ...], absent: dict[str, CheckResult]
) -> AsyncIterator[CheckResult]:
    """Make the checks in order; a check is left out if what it requires did not pass.

    `absent` has the results that leave checks out, by names of checks and of malformed settings.
    """
    for check in checks:
        missing = next((absent[name] for name in check.requires if name in absent), None)
        result = (
            CheckResult(check.name, missing.ok or None, _reason(missing))
            if missing
            else await _make_check(installation, check, absent)
        )
        if missing or not result.ok:
            absent[check.name] = missing or result
        yield result


def _reason(missing: CheckResult) -> str:
    return missing.detail if missing.ok else f"correct {missing.check} first"


async def _make_check(
    installation: Installation, check: Check, absent: dict[str, CheckResult]
) -> CheckResult:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            found = await check.run(installation)
    except NotApplicable as reason:
        result = absent[check.name] = CheckResult(check.name, True, str(reason))
        return result
    except TimeoutError:
        detail = f"no result within {CHECK_TIMEOUT_SECONDS:g} s"
        return CheckResult(check.name, False, detail)
    except CheckFailed as problem:
        return CheckResult(check.name, False, str(problem))
    except Exception as error:  # noqa: BLE001  # every error is a finding
        print_debug_traceback(error)
        return CheckResult(check.name, False, describe_in_one_line(error))
    if isinstance(found, Warned):
        return CheckResult(check.name, True, found.detail, warning=True)
    return CheckResult(check.name, True, found)
