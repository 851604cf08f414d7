"""`easeboard audit verify`: verifies the log in the database, or an export without a database."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import typer

from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.database_address import open_existing_database
from infrastructure.seals.exports.export_check import NO_POLICY, check_export
from infrastructure.seals.exports.export_header import ExportUnreadable
from infrastructure.seals.exports.export_report import ExportReport, last_versions
from infrastructure.seals.policy_file import parse_policy
from infrastructure.seals.signatures import VerifierKey, parse_vkey
from infrastructure.seals.signed_checkpoint import encode_hash
from infrastructure.seals.trust_policy import TrustPolicy
from infrastructure.seals.verification.anchors import newest_stored
from infrastructure.seals.verification.findings import Report
from infrastructure.seals.verification.verify_log import VerificationScope, verify_log
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import (
    print_heading,
    print_json,
    print_line,
    print_wrapped,
    progress_of_bytes,
    progress_of_events,
)
from interfaces.cli.runtime import configure
from interfaces.queries.sentence_parts import counted


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The public keys to trust: of `--vkey` and of `--policy`."""

    keys: Sequence[VerifierKey]
    policy: TrustPolicy

    @classmethod
    def read(cls, vkeys: Sequence[str], policy: Path | None) -> "TrustedKeys":
        """Return the keys of these texts or files; raises BadParameter, which typer prints."""
        try:
            found = [parse_vkey(word) for text in vkeys for word in _key_texts(text)]
        except ValueError as error:
            raise typer.BadParameter(f"{error}.", param_hint="--vkey") from None
        try:
            read = parse_policy(policy.read_bytes()) if policy else NO_POLICY
        except ValueError as error:
            raise typer.BadParameter(f"{error}.", param_hint="--policy") from None
        return cls(found, read)

    @property
    def of_logs(self) -> list[VerifierKey]:
        """All keys of logs."""
        return [*self.policy.log_keys, *self.keys]


def verify_file(path: Path, trusted: TrustedKeys, *, json: bool) -> None:
    """Verify an export with public keys alone, and print the result.

    Raises: CommandFailed if it is no export; Exit with 1 if something is wrong.
    """
    with path.open("rb") as file, progress_of_bytes(show=not json) as bars:
        bar = bars.add_task("verify", total=path.stat().st_size)
        try:
            report = check_export(
                file,
                keys=trusted.keys,
                policy=trusted.policy,
                progress=lambda size: bars.advance(bar, size),
            )
        except ExportUnreadable as error:
            raise CommandFailed(f"{path} cannot be verified as an export. {error}") from error
    if json:
        print_json(report.to_document())
    else:
        _print_export(report)
    if report.problem_count:
        raise typer.Exit(1)


def verify_database(
    trusted: TrustedKeys, *, since: Path | None, seal_dir: Path | None, json: bool
) -> None:
    """Verify the log in the database, and print the result.

    Raises: CommandFailed if the kept checkpoint cannot be used; Exit with 1 if something differs.
    """
    kept = _kept_checkpoint(since, trusted)
    settings = configure()
    wanted = VerificationScope(
        keys=trusted.of_logs,
        witness_keys=trusted.policy.witness_keys,
        folder=seal_dir or settings.seal_directory,
        kept=kept,
    )
    with (
        open_existing_database(settings) as url,
        psycopg.connect(build_conninfo(url, name="verification"), autocommit=True) as connection,
        progress_of_events(show=not json) as bars,
    ):
        newest = newest_stored(connection)
        bar = bars.add_task("verify", total=newest.size if newest else None)
        try:
            report = verify_log(connection, wanted, lambda rows: bars.update(bar, completed=rows))
        except ValueError as error:
            raise CommandFailed(f"The checkpoint of --since cannot be used: {error}.") from error
    if json:
        print_json(report.to_document())
    else:
        _print_report(report)
    if report.result != "ok":
        raise typer.Exit(1)


def _kept_checkpoint(path: Path | None, trusted: TrustedKeys) -> list[bytes]:
    """Return the kept checkpoint; with a policy, enough witnesses must have signed it."""
    if path is None:
        return []
    note = path.read_bytes()
    try:
        if trusted.policy is not NO_POLICY:
            trusted.policy.verify(note, trusted.keys)
    except ValueError as error:
        raise CommandFailed(
            f"The checkpoint {path} does not satisfy the policy: {error}."
        ) from error
    return [note]


def _print_report(report: Report) -> None:
    if report.result == "nothing sealed":
        print_line(
            f"Nothing is sealed: {report.unsealed_events:,} events, no signed checkpoint. A running"
            " `easeboard serve` signs the first one within seconds."
        )
        return
    print_line(f"Log              {report.log}")
    after = f", after the first {report.start.size:,}" if report.start.size else ""
    print_line(f"Verified         {counted(report.events, 'event')}{after}")
    # With a difference, the rows do not lead to the root of the whole tree.
    root = "" if report.finding_count else f", root {encode_hash(report.end.root)}"
    print_line(f"Tree             {counted(report.end.size, 'event')}{root}")
    print_line(f"Checkpoints      {report.checkpoints:,}")
    print_line(f"Compared with    {', '.join(report.compared_with)}")
    print_line(f"Not sealed yet   {counted(report.unsealed_events, 'newer event')}")
    print_line(f"Took             {report.seconds:,.1f} s")
    if not report.finding_count:
        print_line("No difference was found.")
        return
    print_heading(counted(report.finding_count, "difference"))
    for finding in report.findings:
        print_wrapped(f"{finding.kind}: {finding.detail}", hanging="  ")
    if report.finding_count > len(report.findings):
        print_line(f"The first {len(report.findings)} are listed; there are more.")


def _print_export(report: ExportReport) -> None:
    rows: list[tuple[str, Any]] = [
        ("Log", report.log),
        ("Connection", report.connection_id),
        ("Checkpoint", f"{report.tree_size:,} events in the tree"),
        ("Witnesses", ", ".join(report.cosigners) or "none checked; give --policy"),
        ("Last version", last_versions(report.versions)),
        ("Events", f"{report.events:,}, of which {report.opened:,} show their content"),
    ]
    if report.redacted:
        rows.append(("Erased", f"{counted(report.redacted, 'event')} shown as erased"))
    if report.unreadable:
        rows.append(("Unreadable", f"{counted(report.unreadable, 'event')} shown as unreadable"))
    for name, value in rows:
        print_line(f"{name:<12} {value}")
    if report.problem_count:
        print_heading(counted(report.problem_count, "problem"))
        for problem in report.problems:
            where = f"line {problem.line}: " if problem.line else ""
            print_wrapped(f"{problem.kind}: {where}{problem.detail}", hanging="  ")
    else:
        content = report.events - report.opened
        but = f", except the content of {content:,}, which nothing proves" if content else ""
        print_wrapped(f"Each event in the file is as it was sealed{but}. Others can be missing.")
    print_heading("What the file cannot show")
    for sentence in report.limits():
        print_wrapped(sentence)


def _key_texts(text: str) -> list[str]:
    """Return the vkeys of an option: its words, or those of the file that it names."""
    path = Path(text)
    if "+" not in text or path.is_file():
        try:
            text = path.read_text()
        except OSError as error:
            raise ValueError(f"{path} is no vkey, and no file: {error.strerror}") from error
    return text.split()
