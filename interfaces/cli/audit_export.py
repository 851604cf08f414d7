"""`easeboard audit export`: writes the history of a connection with proofs to a file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO
from uuid import UUID

from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from interfaces.cli.errors import CommandFailed
from interfaces.cli.output import print_line, progress_of_events
from interfaces.cli.purpose import cli_reader
from interfaces.cli.runtime import configure, run
from interfaces.composition.bootstrap import bootstrap
from interfaces.queries.log_proofs import NotSealedYet

STANDARD_OUTPUT = Path("-")
LINES_BESIDE_EVENTS = 2
"""The header and the summary."""


def export_history(connection_id: UUID, out: Path, purpose: str) -> None:
    """Write an export; the file appears when it is complete.

    Raises:
        ConnectionNotFound: If no such connection was ever opened.
        CommandFailed: If no signed checkpoint covers it, or the file cannot be written.
    """
    try:
        with _opened(out) as file:
            lines = run(_export(connection_id, file, purpose, show=out != STANDARD_OUTPUT))
    except NotSealedYet:
        raise CommandFailed(
            "No signed checkpoint covers the log yet: start a process that seals it with"
            " `easeboard serve`, and try again after 2 seconds."
        ) from None
    except OSError as error:
        raise CommandFailed(f"The file {out} cannot be written: {error.strerror}.") from error
    if out != STANDARD_OUTPUT:
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


@contextmanager
def _opened(out: Path) -> Iterator[BinaryIO]:
    """Open the output; a file takes its name when all of it is on the disk."""
    if out == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as file:
        try:
            yield file  # type: ignore[misc]  # a temporary file has all that a binary file has
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            Path(file.name).unlink()
            raise
    Path(file.name).replace(out)
