"""`easeboard audit export`: writes the history of a connection with proofs to a file."""

from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import print_line, progress_of_events
from interfaces.cli.output_file import is_standard_output, open_output
from interfaces.cli.purpose import cli_reader
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.queries.log_proofs import NotSealedYet

LINES_BESIDE_EVENTS = 2
"""The header and the summary."""


def export_history(connection_id: UUID, out: Path, purpose: str) -> None:
    """Write an export; the file appears when it is complete.

    Raises:
        ConnectionNotFound: If no such connection was ever opened.
        CommandFailed: If no signed checkpoint covers it, or the file cannot be written.
    """
    is_printed = is_standard_output(out)
    try:
        with open_output(out) as file:
            lines = run(_export(connection_id, file, purpose, show=not is_printed))
    except NotSealedYet:
        raise CommandFailed(
            "No signed checkpoint covers the log yet: start a process that seals it with"
            " `easeboard serve`, and try again after 2 seconds."
        ) from None
    except OSError as error:
        raise CommandFailed(f"The file {out} cannot be written: {error.strerror}.") from error
    if not is_printed:
        print_line(f"{lines - LINES_BESIDE_EVENTS:,} events are in {out}.")


async def _export(connection_id: UUID, file: BinaryIO, purpose: str, *, show: bool) -> int:
    """Write all lines, and return their number."""
    reader, lines = cli_reader(), 0
    async with bootstrap(configure()) as process:
        with with_event_metadata(reader):
            export = await process.service.export_history(connection_id)
            await process.service.record_history_read(
                RecordHistoryRead(
                    connection_id=connection_id, reader=reader, what="export", purpose=purpose
                )
            )
        with progress_of_events(show=show) as bars:
            bar = bars.add_task("export", total=await export.count())
            async for chunk in export.chunks():
                file.write(chunk)
                lines += chunk.count(b"\n")
                bars.update(bar, completed=max(0, lines - 1))
    return lines
